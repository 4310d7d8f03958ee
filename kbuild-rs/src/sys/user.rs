//! The effective user, and that user's home folder.

use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The user whose permissions this process has.
pub(crate) fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether only `effective_uid` and root can change a thing with this owner.
pub(crate) fn is_trusted(owner: u32) -> bool {
    owner == effective_uid() || owner == 0
}

/// A user's line in the password database.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// The primary group.
    pub(super) group: u32,
    pub(super) home: PathBuf,
}

/// The entry of a user, from `/etc/passwd`, else from the system's other sources (LDAP).
pub(super) fn entry(uid: u32) -> Option<Entry> {
    let of_file = fs::read("/etc/passwd").unwrap_or_default();
    in_database(&of_file, uid).or_else(|| {
        let asked = Command::new("getent")
            .args(["passwd", &uid.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        in_database(&asked.stdout, uid)
    })
}

/// The user's entry in the text of a database: `name:password:uid:gid:comment:home:shell`.
fn in_database(text: &[u8], uid: u32) -> Option<Entry> {
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse::<u32>().ok();
    text.split(|&b| b == b'\n').find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|&b| b == b':').collect();
        let [name, _, id, group, _, home, ..] = fields[..] else {
            return None;
        };
        (number(id)? == uid).then_some(())?;
        Some(Entry {
            name: String::from_utf8_lossy(name).into_owned(),
            group: number(group)?,
            home: PathBuf::from(std::ffi::OsString::from_vec(home.to_vec())),
        })
    })
}

/// The name of a user in messages.
pub(crate) fn name_of(uid: u32) -> String {
    entry(uid).map_or_else(|| format!("#{uid}"), |entry| entry.name)
}

/// The shell line that runs `command` as another user.
pub(crate) fn run_as(uid: u32, command: &str) -> String {
    match entry(uid) {
        Some(entry) => format!("runuser -u {} -- {command}", entry.name),
        None => format!("setpriv --reuid {uid} --clear-groups {command}"),
    }
}

/// A variable that holds an absolute path.
pub(super) fn path_in(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(variable)?);
    (path.is_absolute() && !path.as_os_str().as_bytes().contains(&0)).then_some(path)
}

/// Whether the folder, or its nearest existing parent, belongs to the effective user or to root.
pub(super) fn is_own(folder: &Path) -> bool {
    let there = folder.ancestors().find_map(|part| fs::metadata(part).ok());
    there.is_some_and(|meta| is_trusted(meta.uid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_number_and_not_by_another_field() {
        let text = b"root:x:0:0:root:/root:/bin/sh\nbuild:x:1000:100:1000:/home/b c:\nshort:x\n";
        let home = |uid| in_database(text, uid).map(|entry| entry.home);
        assert_eq!(home(0), Some("/root".into()));
        assert_eq!(home(1000), Some("/home/b c".into()));
        assert_eq!(in_database(text, 1000).unwrap().group, 100);
        assert_eq!(home(100), None);
    }
}
