//! Flags for compilers.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[cfg(feature = "rust")]
use super::RustFlags;

/// Flags for compilers, of declared modules and of module trees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) defines: Vec<(String, Option<String>)>,
    pub(crate) cflags: Vec<OsString>,
    pub(crate) asflags: Vec<OsString>,
    #[cfg(feature = "rust")]
    pub(crate) rust: RustFlags,
}

/// The flags of gcc and clang that name a folder to search for headers, alone or as one word with it.
const FOLDER_FLAGS: &[&str] = &["-I", "-iquote", "-isystem", "-idirafter"];

impl Flags {
    /// The folders that flags of the C compiler name, as they are written.
    pub(crate) fn header_folders(&self) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        let mut flags = self.cflags.iter();
        while let Some(flag) = flags.next() {
            let flag = flag.as_bytes();
            let mut known = FOLDER_FLAGS.iter();
            let rest = known.find_map(|known| flag.strip_prefix(known.as_bytes()));
            match rest {
                Some([]) => folders.extend(flags.next().map(PathBuf::from)),
                // `-I-` is no folder.
                Some([b'-']) | None => {}
                Some(folder) => folders.push(OsStr::from_bytes(folder).into()),
            }
        }
        folders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_headers_are_found_in_flags() {
        let flags = [
            "-O2",
            "-Ia",
            "-I",
            "b",
            "-isystem",
            "c",
            "-iquoted",
            "-I-",
            "-idirafter",
            "e",
            "-I",
        ];
        let flags = Flags {
            cflags: flags.map(OsString::from).to_vec(),
            ..Flags::default()
        };
        assert_eq!(
            flags.header_folders(),
            ["a", "b", "c", "d", "e"].map(PathBuf::from)
        );
    }
}
