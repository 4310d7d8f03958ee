//! Inputs of the products other than files.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Resolved, Sources};
use crate::syntax::escape_value;
use crate::sys::walk;
use crate::{Error, Result};

/// Variables that affect the products and that may change between two builds. The other variables
/// that make gets only tell where this machine has its programs and files.
pub(super) const STAMPS: &[&str] = &[
    "KBUILD_BUILD_HOST",
    "KBUILD_BUILD_TIMESTAMP",
    "KBUILD_BUILD_USER",
    "KBUILD_BUILD_VERSION",
    "SOURCE_DATE_EPOCH",
];

/// The name of the entries for providers' symvers. No variable can have a name with a NUL.
const SYMVERS: &str = "\0symvers";

/// The state of these inputs. Two builds with different ones are different builds, even if no file
/// changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) Vec<Vec<u8>>);

impl Fingerprint {
    /// The entries for the record. Those of a build that could not use its base of BTF (`lacks_base`)
    /// lack the base: the next build then starts from nothing, and tries again.
    pub(crate) fn recorded(&self, lacks_base: bool) -> Vec<Vec<u8>> {
        let is_kept = |entry: &&Vec<u8>| !lacks_base || !entry.starts_with(super::btf::ENTRY);
        self.0.iter().filter(is_kept).cloned().collect()
    }

    /// The current state of all inputs other than files.
    pub(crate) fn of(resolved: &Resolved) -> Result<Fingerprint> {
        let Resolved { make, inputs, .. } = resolved;
        let mut config = vec![b"kbuild-rs=".to_vec()];
        config[0].extend_from_slice(env!("CARGO_PKG_VERSION").as_bytes());
        for (name, value) in &make.command.variables {
            // The verbosity of make does not change its products.
            if name != "V" {
                config.push(pair(OsStr::new(name), &escape_value(name, value)?));
            }
        }
        for (name, value) in &make.command.env {
            // The pin is a secret. TERM only names the terminal's abilities, and differs between
            // two windows of one user.
            if name != "KBUILD_SIGN_PIN" && name != "TERM" {
                config.push(pair(name, value));
            }
        }
        // A sandbox does not change products of a tree that builds in it. But a user who asks for it
        // does not want products that were built without it.
        if make.command.sandbox.is_some() {
            config.push(b"sandbox".to_vec());
        }
        config.extend(inputs.btf.config());
        for (path, text) in &make.files {
            let name = path.file_name().unwrap_or_default();
            config.push([name.as_bytes(), b"\n", text].concat());
        }
        // Another file may take the place of one: a compiler that now comes first in PATH, a new
        // vmlinux.
        for file in &inputs.whole {
            config.push(pair(OsStr::new("file"), file.as_os_str()));
        }
        // A new header may come before another one of the same name. No .cmd names a file that did
        // not exist.
        if let Sources::Declared(layout) = &resolved.sources {
            for folder in &layout.searched {
                config.push(header_names(folder, false)?);
            }
        }
        for folder in &inputs.provided.includes {
            config.push(header_names(folder, !resolved.out.starts_with(folder))?);
        }
        for folder in resolved.flag_folders() {
            let below = !resolved.out.starts_with(folder) && !resolved.is_around_kernel(folder);
            // The compiler only warns about a folder that it cannot read. A relative one starts at
            // the compiler's working directory; the answers name the headers that are missing there.
            if folder.is_absolute() {
                config.extend(header_names(folder, below).ok());
            }
        }
        // make gets the copies, whose names do not contain the names of the originals.
        for (original, _) in &inputs.symvers {
            config.push(pair(OsStr::new(SYMVERS), original.as_os_str()));
        }
        if let Sources::Tree { tree, .. } = &resolved.sources {
            for command in &tree.prepare {
                config.push(pair(OsStr::new("prepare"), command));
            }
        }
        Ok(Fingerprint(config))
    }

    /// Whether an entry names the symvers of a provider.
    #[cfg(feature = "cache")]
    pub(crate) fn names_symvers(entry: &[u8]) -> bool {
        entry.starts_with(SYMVERS.as_bytes())
    }
}

/// The names in a folder that is searched for headers; with `below`, in the folders below it too. A
/// new file may come before another one of its name on the search path, or change a
/// `__has_include`. No prerequisite names a file that did not exist.
fn header_names(folder: &Path, below: bool) -> Result<Vec<u8>> {
    let mut names = BTreeSet::new();
    if below {
        walk(folder, &mut |path, _| {
            names.insert(path.as_os_str().to_owned());
            Ok(())
        })?;
    } else {
        let entries = std::fs::read_dir(folder).map_err(|e| Error::reading("read", folder, e))?;
        let entries = entries.flatten().map(|entry| entry.file_name());
        names.extend(entries.filter(|n| Path::new(n).extension().is_some_and(|e| e == "h")));
    }
    let mut text = format!("the headers in {}=", folder.display()).into_bytes();
    for name in names {
        text.extend_from_slice(name.as_bytes());
        text.push(b'\n');
    }
    Ok(text)
}

fn pair(name: &OsStr, value: &OsStr) -> Vec<u8> {
    [name.as_bytes(), b"=", value.as_bytes()].concat()
}
