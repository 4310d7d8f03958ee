//! What decides how the products turn out, besides the files that they are made from.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::places::header_names;
use super::request::{Request, Sources};
use crate::Result;
use crate::make::escape_value;

/// Variables that go into what is built, and that somebody may change between two builds; the
/// rest of what make gets to see says where this machine has its things.
pub(super) const STAMPS: &[&str] = &[
    "KBUILD_BUILD_HOST",
    "KBUILD_BUILD_TIMESTAMP",
    "KBUILD_BUILD_USER",
    "KBUILD_BUILD_VERSION",
    "SOURCE_DATE_EPOCH",
];

impl Request {
    /// Everything that decides how the products turn out and is no file.
    pub(crate) fn config(&self) -> Result<Vec<Vec<u8>>> {
        let mut config = vec![b"kbuild-rs=".to_vec()];
        config[0].extend_from_slice(env!("CARGO_PKG_VERSION").as_bytes());
        for (name, value) in &self.make.variables {
            // How much make prints does not change what it makes.
            if name != "V" {
                config.push(pair(OsStr::new(name), &escape_value(name, value)?));
            }
        }
        for (name, value) in &self.make.env {
            // The pin is a secret. TERM only says what colours a terminal has, and differs
            // between two windows of one person.
            if name != "KBUILD_SIGN_PIN" && name != "TERM" {
                config.push(pair(name, value));
            }
        }
        for (path, text) in &self.files {
            let name = path.file_name().unwrap_or_default();
            config.push([name.as_bytes(), b"\n", text].concat());
        }
        // A compiler that now comes first in PATH, a vmlinux that has appeared: another file.
        for file in &self.whole {
            config.push(pair(OsStr::new("file"), file.as_os_str()));
        }
        // A header that appears before another one of its name: no .cmd tells of what was not
        // there.
        if let Sources::Declared(layout) = &self.sources {
            for folder in &layout.searched {
                config.push(header_names(folder, false)?);
            }
        }
        for folder in &self.provided.includes {
            config.push(header_names(folder, !self.out.starts_with(folder))?);
        }
        // make is told of the copies, whose names do not tell what they are copies of.
        for (original, _) in &self.symvers {
            config.push(pair(OsStr::new("symvers"), original.as_os_str()));
        }
        if let Sources::Tree { tree, .. } = &self.sources {
            for command in &tree.prepare {
                config.push(pair(OsStr::new("prepare"), command));
            }
        }
        Ok(config)
    }
}

fn pair(name: &OsStr, value: &OsStr) -> Vec<u8> {
    [name.as_bytes(), b"=", value.as_bytes()].concat()
}
