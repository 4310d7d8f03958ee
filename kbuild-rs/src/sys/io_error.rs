//! Errors of the operating system, with more context than its own words.

use std::io;
use std::path::Path;

use super::limit_behind;
use crate::Error;
use crate::error::Advice;

/// The refused operation, because the advice depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl Error {
    /// A file or a folder that could not be read. `doing` reads as the end of "cannot …":
    /// `cannot read /src/hello.c: Permission denied`.
    pub(crate) fn reading(doing: &str, path: &Path, source: io::Error) -> Self {
        refused(Access::Read, doing, path, source)
    }

    /// The same for a file or folder that could not be written or created:
    /// `cannot write /out/hello.ko: No space left on device`.
    pub(crate) fn writing(doing: &str, path: &Path, source: io::Error) -> Self {
        refused(Access::Write, doing, path, source)
    }
}

fn refused(access: Access, doing: &str, path: &Path, source: io::Error) -> Error {
    let advice = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some((
            "disk-full",
            "Free some space, or choose another output directory",
        )),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            if access == Access::Write =>
        {
            let advice = "Check its permissions, or choose another output directory";
            Some(("not-writable", advice))
        }
        io::ErrorKind::NotADirectory => Some(("file-in-path", "A part of that path is a file")),
        _ => None,
    };
    let limit = limit_behind(&source).unwrap_or_default();
    let what = format!("cannot {doing} {}: {source}", path.display());
    match advice {
        None => Error::of_system(format!("{what}{limit}"), source),
        Some((code, advice)) => Error::of_system(format!("{what}. {advice}{limit}"), source)
            .advise(Advice::new(code, advice)),
    }
}
