//! Checks for problems that would make rustc fail, before it starts.

use std::path::Path;

use super::Kernel;
use super::toolchain::Toolchain;
use crate::{Error, ErrorKind, Result};

/// The page that describes such kernels and how to get one.
const PAGE: &str = "docs/rust-modules.md describes how to get one";

const GENDWARFKSYMS: &str = "scripts/gendwarfksyms/gendwarfksyms";

impl Kernel {
    /// Refuses to compile the Rust file `source` if this kernel does not support it.
    ///
    /// # Errors
    /// [`ErrorKind::KernelConfig`] without `CONFIG_RUST`, [`ErrorKind::KernelNotPrepared`] with the
    /// names of missing files.
    pub(crate) fn check_rust(&self, source: &Path) -> Result<()> {
        let needs = format!("{} is written in Rust, and the", source.display());
        if !self.is_enabled("RUST") {
            let since = match self.version() < (6, 1) {
                true => " (Rust came with 6.1)",
                false => "",
            };
            return Err(Error::new(
                ErrorKind::KernelConfig,
                format!(
                    "{needs} kernel {} ({}) was built without CONFIG_RUST=y{since}: it only takes \
                     modules in C. Name a kernel that has Rust ({PAGE}). To see which kernels have \
                     it, run\n    kbuild-rs kernels",
                    self.release,
                    self.dir.display()
                ),
            ));
        }
        let missing = self.missing_rust_metadata();
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = missing
            .iter()
            .map(|file| file.strip_prefix(&self.dir).unwrap_or(file))
            .map(|file| file.display().to_string())
            .collect();
        Err(Error::new(
            ErrorKind::KernelNotPrepared,
            format!(
                "{needs} kernel tree {} ({}) has CONFIG_RUST=y, but lacks files that Rust modules \
                 are compiled against: {} {} missing. Packages of headers do not contain them. To \
                 get them, prepare that kernel's source with its own configuration and its own \
                 compiler ({}). {PAGE}",
                self.dir.display(),
                self.release,
                names.join(", "),
                if names.len() == 1 { "is" } else { "are" },
                self.rustc_version().unwrap_or("rustc"),
            ),
        ))
    }

    /// Refuses a crate with the name of a kernel crate, because rustc names crates after their
    /// roots.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], naming both files.
    pub(crate) fn check_crate_name(&self, source: &Path) -> Result<()> {
        let stem = source.file_stem().unwrap_or_default();
        let crates = self.rust_crates();
        let Some((name, file)) = crates.iter().find(|(name, _)| **name == *stem) else {
            return Ok(());
        };
        Err(Error::input(format!(
            "{} cannot be the root of a crate for the kernel {}: rustc names a crate after its \
             root, and the kernel already has a crate {name} ({}). Rename the file (in a Kbuild, \
             also its object):\n    mv {} {}",
            source.display(),
            self.release,
            file.display(),
            source.display(),
            source.with_file_name(format!("{name}_module.rs")).display(),
        )))
    }

    /// Whether the program that computes the checksums of exported symbols is missing. In a kernel
    /// with Rust, that program reads them from debug information. kbuild only runs it on objects of
    /// C and assembler, which also export the Rust symbols.
    pub(crate) fn lacks_symbol_versions(&self) -> bool {
        self.has_modversions()
            && self.is_enabled("GENDWARFKSYMS")
            && !self.dir.join(GENDWARFKSYMS).is_file()
    }

    /// The message about `source`, which exports symbols, if the kernel
    /// [`lacks_symbol_versions`](Self::lacks_symbol_versions).
    pub(crate) fn no_symbol_versions(&self, source: &Path) -> Error {
        Error::new(
            ErrorKind::KernelNotPrepared,
            format!(
                "{} exports symbols. The kernel {} needs a checksum for each of them \
                 (CONFIG_MODVERSIONS, CONFIG_GENDWARFKSYMS), but the program that computes it is \
                 missing: {}. Install the headers of libdw (libdw-dev, elfutils-devel), then run \
                 this in that kernel's source:\n    make modules_prepare",
                source.display(),
                self.release,
                self.dir.join(GENDWARFKSYMS).display()
            ),
        )
    }

    /// The message about a clang that is older than rustc's LLVM and must read its bitcode. It is
    /// an error if the kernel always needs that, else a warning.
    ///
    /// # Errors
    /// [`ErrorKind::ToolNotFound`], naming both versions.
    pub(crate) fn check_rust_llvm(&self, tools: &Toolchain) -> Result<Option<String>> {
        let number = self.config("RUSTC_LLVM_VERSION").unwrap_or_default();
        let of_rustc = number.parse::<u32>().unwrap_or(0) / 10_000;
        let inlines = self.is_enabled("RUST_INLINE_HELPERS");
        if of_rustc == 0 || !(inlines || self.is_enabled("LTO_CLANG")) {
            return Ok(None);
        }
        let named = |name: &str| name.rsplit('/').next().unwrap_or(name).contains("clang");
        let of_clang = tools
            .variables
            .iter()
            .filter(|(variable, value)| variable == "CC" && named(value))
            .find_map(|(_, value)| llvm_major(tools, value));
        let Some(of_clang) = of_clang.filter(|&clang| clang < of_rustc) else {
            return Ok(None);
        };
        let text = format!(
            "the kernel {} is linked from LLVM bitcode ({}), and clang {of_clang} cannot read the \
             bitcode of rustc's LLVM {of_rustc}. Choose LLVM {of_rustc} (LLVM=-{of_rustc}, --llvm, \
             Build::llvm)",
            self.release,
            match inlines {
                true => "CONFIG_RUST_INLINE_HELPERS",
                false => "CONFIG_LTO_CLANG",
            }
        );
        match inlines {
            true => Err(Error::new(ErrorKind::ToolNotFound, text)),
            false => Ok(Some(text)),
        }
    }
}

/// The major version of the clang in use: `19` of `clang-19`, or of the file behind `clang`
/// (`/usr/lib/llvm-19/bin/clang`).
fn llvm_major(tools: &Toolchain, cc: &str) -> Option<u32> {
    let number = |text: &str| {
        let digits = text.split("clang-").nth(1).or(text.split("llvm-").nth(1))?;
        let end = digits.find(|c: char| !c.is_ascii_digit());
        digits[..end.unwrap_or(digits.len())].parse().ok()
    };
    number(cc).or_else(|| {
        let files = tools.tools.iter().map(|file| file.to_string_lossy());
        files
            .filter(|file| file.rsplit('/').next().unwrap_or(file).contains("clang"))
            .find_map(|file| number(&file))
    })
}
