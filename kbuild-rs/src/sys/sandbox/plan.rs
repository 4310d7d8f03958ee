//! The steps that build a sandbox's root, prepared before the child exists: between fork and exec
//! nothing may be allocated.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::process::{getegid, geteuid};
use rustix::thread::{CapabilitySet, capabilities};

use super::view::{Access, Sandbox};

/// The place of the old root while the new one is made.
const OLD: &str = "/.old-root";

/// One change to the new root.
#[derive(Debug)]
pub(super) enum Step {
    Folder(CString),
    File(CString),
    Link {
        target: CString,
        at: CString,
    },
    /// An empty folder with this option for its permissions.
    Empty {
        at: CString,
        mode: CString,
    },
    Bind {
        from: CString,
        to: CString,
        access: Access,
    },
}

/// A sandbox, ready to enter.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// The texts for `uid_map` and `gid_map`, if a user namespace is needed.
    pub(super) maps: Option<(Vec<u8>, Vec<u8>)>,
    pub(super) network: bool,
    /// The working directory.
    pub(super) dir: CString,
}

impl Plan {
    pub(super) fn of(sandbox: &Sandbox, dir: &Path) -> io::Result<Plan> {
        let mut folders = Folders::default();
        let mut steps = Vec::new();
        let sandbox = &sandbox.ready();
        for (path, access) in sandbox.needed() {
            folders.add(path.parent(), &mut steps)?;
            let at = c_string(path.as_os_str())?;
            if access == Access::Empty {
                folders.add(Some(path), &mut steps)?;
                let is_shared = ["/tmp", "/var/tmp", "/dev/shm"]
                    .map(Path::new)
                    .contains(&&**path);
                let mode = if is_shared {
                    c"mode=1777"
                } else {
                    c"mode=0700"
                };
                let mode = mode.to_owned();
                steps.push(Step::Empty { at, mode });
                continue;
            }
            match path.is_dir() {
                true => folders.add(Some(path), &mut steps)?,
                false => steps.push(Step::File(at.clone())),
            }
            let mut from = OLD.as_bytes().to_vec();
            from.extend(path.as_os_str().as_bytes());
            let from = c_string(OsStr::from_bytes(&from))?;
            steps.push(Step::Bind {
                from,
                to: at,
                access,
            });
        }
        for (link, target) in &sandbox.links {
            folders.add(link.parent(), &mut steps)?;
            steps.push(Step::Link {
                target: c_string(target.as_os_str())?,
                at: c_string(link.as_os_str())?,
            });
        }
        folders.add(Some(Path::new("/proc")), &mut steps)?;
        Ok(Plan {
            steps,
            maps: maps(),
            network: sandbox.network,
            dir: c_string(dir.as_os_str())?,
        })
    }
}

/// The maps of a user namespace: this user and nobody else. A process that may mount needs none.
fn maps() -> Option<(Vec<u8>, Vec<u8>)> {
    let needed = CapabilitySet::SYS_ADMIN | CapabilitySet::SETPCAP;
    if capabilities(None).is_ok_and(|sets| sets.effective.contains(needed)) {
        return None;
    }
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let line = |id: u32| format!("{id} {id} 1\n").into_bytes();
    Some((line(uid), line(gid)))
}

/// The folders that have a step already.
#[derive(Default)]
struct Folders(BTreeSet<PathBuf>);

impl Folders {
    /// Adds steps for a folder and those above it.
    fn add(&mut self, folder: Option<&Path>, steps: &mut Vec<Step>) -> io::Result<()> {
        let above: Vec<_> = folder.into_iter().flat_map(Path::ancestors).collect();
        for folder in above.into_iter().rev().skip(1) {
            if self.0.insert(folder.to_owned()) {
                steps.push(Step::Folder(c_string(folder.as_os_str())?));
            }
        }
        Ok(())
    }
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}
