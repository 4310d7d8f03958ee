//! The looks of a file: content, owner, mode, extended attributes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use hmac_sha256::Hash;
use rustix::fs::{
    FileType, Gid, Mode, Uid, XattrFlags, fchmod, fchown, fgetxattr, flistxattr, fsetxattr,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::Tree;
use crate::{Error, Result};

/// A regular file or a link as it lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Looks {
    /// Of the content; of a link, of its target's path.
    pub(crate) sha256: String,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Values in hexadecimal digits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) xattrs: BTreeMap<String, String>,
    /// Where a link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
}

/// The bits of a mode without set-user-ID and its kin.
const PERMISSIONS: u32 = 0o777;

/// Attributes that only root may give, and that change the rights of a program or the meaning of an
/// overlay's folder.
fn gives_rights(xattr: &str) -> bool {
    xattr == "security.capability" || xattr.starts_with("trusted.")
}

impl Looks {
    /// Whether both are the same bytes, or the same link.
    pub(crate) fn has_content_of(&self, other: &Looks) -> bool {
        self.sha256 == other.sha256 && self.target.is_some() == other.target.is_some()
    }

    /// The looks of an open file with this content.
    pub(crate) fn of_file(file: &File, sha256: String) -> io::Result<Looks> {
        let stat = rustix::fs::fstat(file)?;
        Ok(Looks {
            sha256,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            xattrs: xattrs(file)?,
            target: None,
        })
    }

    /// Gives a new file these owners, this mode and these attributes. Another user than root cannot
    /// give a file away, and a file system may not know an attribute: the content counts.
    ///
    /// The looks may come from the journal of another party's image: no file gets rights from them
    /// that its content has when it is executed.
    pub(super) fn give(&self, file: &File) -> io::Result<()> {
        let stat = rustix::fs::fstat(file)?;
        if (stat.st_uid, stat.st_gid) != (self.uid, self.gid) {
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            match fchown(file, Some(uid), Some(gid)) {
                Ok(()) | Err(Errno::PERM) => {}
                Err(e) => return Err(e.into()),
            }
        }
        fchmod(file, Mode::from_raw_mode(self.mode & PERMISSIONS))?;
        let harmless = |(name, _): &(&String, &String)| !gives_rights(name);
        for (name, value) in self.xattrs.iter().filter(harmless) {
            let Some(value) = from_hex(value) else {
                continue;
            };
            match fsetxattr(file, name.as_str(), &value, XattrFlags::empty()) {
                Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP | Errno::INVAL | Errno::ACCESS) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}

impl Tree {
    /// The looks of the file or link `rel`; `None` if nothing is there. Anything else is an error.
    pub(crate) fn look(&self, rel: &Path) -> Result<Option<Looks>> {
        let failed = |e: io::Error| Error::reading("read", &self.shown(rel), e);
        match self.kind(rel)? {
            None => Ok(None),
            Some(FileType::Symlink) => self.look_at_link(rel).map(Some),
            Some(_) => {
                let Some(mut file) = self.open_file(rel)? else {
                    return Ok(None);
                };
                let sha256 = hash_of(&mut file).map_err(failed)?;
                Looks::of_file(&file, sha256).map(Some).map_err(failed)
            }
        }
    }

    fn look_at_link(&self, rel: &Path) -> Result<Looks> {
        let target = self.link_target(rel)?.into_os_string().into_string();
        let target =
            target.map_err(|_| self.refused(rel, "is a link to a path that is not UTF-8"))?;
        let stat = self.stat(rel)?;
        let (uid, gid) = stat.map_or((0, 0), |stat| (stat.st_uid, stat.st_gid));
        Ok(Looks {
            sha256: sha256(target.as_bytes()),
            size: target.len() as u64,
            mode: 0o777,
            uid,
            gid,
            xattrs: BTreeMap::new(),
            target: Some(target),
        })
    }
}

/// In hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    to_hex(&Hash::hash(bytes))
}

fn hash_of(file: &mut File) -> io::Result<String> {
    let mut hash = Hash::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(to_hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn xattrs(file: &File) -> io::Result<BTreeMap<String, String>> {
    let mut names = vec![0; 1 << 16];
    let length = match flistxattr(file, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => 0,
        Err(e) => return Err(e.into()),
    };
    let mut found = BTreeMap::new();
    for name in names[..length].split(|byte| *byte == 0) {
        let Some(name) = std::str::from_utf8(name)
            .ok()
            .filter(|name| !name.is_empty())
        else {
            continue;
        };
        let mut value = vec![0; 1 << 16];
        match fgetxattr(file, name, &mut value[..]) {
            Ok(length) => drop(found.insert(name.to_owned(), to_hex(&value[..length]))),
            Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::PERM) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(found)
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]));
    digits.collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let pairs = digits.chunks(2);
    Some(pairs.map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}
