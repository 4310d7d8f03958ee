//! Files that are not whole modules.

use std::path::Path;

#[cfg(feature = "compressed")]
use super::compressed;

/// The reason why bytes are not a module.
#[derive(Debug)]
pub(crate) enum Invalid {
    #[cfg(not(feature = "compressed"))]
    Compressed(&'static str),
    #[cfg(feature = "compressed")]
    Unpacking(&'static str, compressed::Failure),
    NotElf,
    NotModule,
    Overlapping,
    Damaged(object::Error),
}

impl From<object::Error> for Invalid {
    fn from(error: object::Error) -> Self {
        Invalid::Damaged(error)
    }
}

impl Invalid {
    /// The end of a sentence about the file at `path`.
    pub(crate) fn in_words(&self, path: &Path) -> String {
        match self {
            #[cfg(not(feature = "compressed"))]
            Invalid::Compressed(tool) => {
                format!(
                    "is compressed. Unpack it first:\n    {tool} -dk '{}'",
                    path.display()
                )
            }
            #[cfg(feature = "compressed")]
            Invalid::Unpacking(tool, compressed::Failure::TooLarge(largest)) => format!(
                "is compressed by {tool} and unpacks to more than {} MiB, which is too large for a module \
                 in a file of this size",
                largest >> 20
            ),
            #[cfg(feature = "compressed")]
            Invalid::Unpacking(tool, compressed::Failure::Damaged(error)) => format!(
                "is compressed by {tool}, and damaged or truncated ({error}). Copy or build it \
                 again. To check it, run\n    {tool} -t '{}'",
                path.display()
            ),
            Invalid::NotElf => "is not a kernel module: it is not an ELF file".to_owned(),
            Invalid::NotModule => "is an ELF file but not a kernel module: it lacks .modinfo or \
                                   .gnu.linkonce.this_module. Name the .ko, not an object that it \
                                   was linked from"
                .to_owned(),
            Invalid::Overlapping => {
                "is not a valid kernel module: its names overlap. Build it again".to_owned()
            }
            Invalid::Damaged(error) => {
                format!("is a damaged or truncated kernel module ({error}). Build it again")
            }
        }
    }
}
