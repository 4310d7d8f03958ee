//! Compression, as the kernel's `make modules_install` does it.

use super::super::target::Target;
use super::tool::{Step, Tool};
use crate::{Error, ErrorKind, Result};

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

/// The configuration symbols without `MODULE_COMPRESS_`, in the order of `Makefile.modinst`.
const SYMBOLS: [(&str, Compression); 3] = [
    ("GZIP", Compression::Gzip),
    ("XZ", Compression::Xz),
    ("ZSTD", Compression::Zstd),
];

/// The first version that compresses only with `CONFIG_MODULE_COMPRESS_ALL`.
const NEEDS_ALL: (u32, u32) = (6, 12);

impl Compression {
    /// Every compression, and the name that `--compress` gives it.
    pub const NAMES: [(&'static str, Compression); 4] = [
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("xz", Compression::Xz),
        ("zstd", Compression::Zstd),
    ];

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
    ///
    /// From 6.12 on, `CONFIG_MODULE_COMPRESS_XZ` and the like only tell what the kernel can unpack,
    /// unless `CONFIG_MODULE_COMPRESS_ALL` is set. The kernel tree's own rules decide if they are
    /// there, because distributions backport them; else the version decides.
    pub(crate) fn of(target: &Target) -> Compression {
        let is_on = |symbol: &str| target.config(&format!("MODULE_COMPRESS{symbol}")) == Some("y");
        let needs_all = match target.install_rules() {
            // Up to 5.12, they are in the kernel's Makefile.
            Some(rules) if rules.contains("CONFIG_MODULE_COMPRESS_") => {
                rules.contains("CONFIG_MODULE_COMPRESS_ALL")
            }
            _ => target.version() >= NEEDS_ALL,
        };
        if needs_all && !is_on("_ALL") {
            return Compression::None;
        }
        let mut chosen = SYMBOLS.iter();
        let found = chosen.find(|(symbol, _)| is_on(&format!("_{symbol}")));
        found.map_or(Compression::None, |(_, compression)| *compression)
    }

    /// The bytes of the compressed module.
    pub(super) fn apply(self, module: Vec<u8>, name: &str) -> Result<Vec<u8>> {
        let size = format!("--stream-size={}", module.len());
        let (program, package, arguments): (_, _, &[&str]) = match self {
            Compression::None => return Ok(module),
            Compression::Gzip => ("gzip", "gzip", &["-n", "-c"]),
            Compression::Xz => (
                "xz",
                "xz-utils",
                &["--check=crc32", "--lzma2=dict=1MiB", "-c"],
            ),
            // zstd notes the size of a file, which a pipe does not tell.
            Compression::Zstd => ("zstd", "zstd", &["-q", "-c", &size]),
        };
        let step = Step {
            doing: "compressing",
            module: name,
        };
        let packed = Tool::find(program, package, step)?.filter(arguments, &module, step)?;
        match is_compressed(&packed) {
            true => Ok(packed),
            false => Err(Error::new(
                ErrorKind::ToolFailed,
                format!(
                    "compressing {name}: the output of {program} is not a {} file",
                    self.suffix()
                ),
            )),
        }
    }
}

/// Whether the first bytes are those of a compressed file.
pub(super) fn is_compressed(bytes: &[u8]) -> bool {
    super::super::modinfo::compressed_by(bytes).is_some()
}
