//! Rust in a kernel: what its modules are compiled against, and whether that is all there.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Kernel, Toolchain};
use crate::{Error, ErrorKind, Result};

/// Where people find what such a kernel is and how to get one.
const PAGE: &str = "docs/rust-modules.md says how to get one";

impl Kernel {
    /// Whether Rust modules can be built here: `CONFIG_RUST=y` *and* the crate metadata is there.
    /// Distribution packages set the one and leave out the other.
    pub fn has_rust(&self) -> bool {
        self.is_enabled("RUST") && self.missing_rust_metadata().is_empty()
    }

    /// What the Rust compiler that this kernel was built with says of itself
    /// (`CONFIG_RUSTC_VERSION_TEXT`): `rustc 1.85.1 (4eb161250 2025-03-15)`. No other one reads
    /// the kernel's crates.
    pub fn rustc_version(&self) -> Option<&str> {
        self.config("RUSTC_VERSION_TEXT")
            .filter(|text| !text.is_empty() && *text != "n")
    }

    /// What a Rust module would need of this tree and does not find.
    pub fn missing_rust_metadata(&self) -> Vec<PathBuf> {
        let mut files = self.rust_files();
        files.retain(|file| !file.exists());
        files
    }

    /// What each Rust module is compiled against, as the kernel's own makefiles say.
    pub(crate) fn rust_files(&self) -> Vec<PathBuf> {
        // rust/Makefile of 6.1 to 7.3: these are in all of them.
        let mut files: Vec<String> = [
            "rust/libcore.rmeta",
            "rust/libcompiler_builtins.rmeta",
            "rust/libbindings.rmeta",
            "rust/libkernel.rmeta",
            "rust/libmacros.so",
            "include/generated/rustc_cfg",
        ]
        .map(str::to_owned)
        .to_vec();
        let makefile = |path: &str| fs::read_to_string(self.source.join(path)).unwrap_or_default();
        let build = makefile("scripts/Makefile.build");
        for name in build.split("--extern ").skip(1) {
            let name = name.split_whitespace().next().unwrap_or_default();
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            let derive = ["so", "rmeta"].map(|end| format!("rust/lib{name}.{end}"));
            let [macros, metadata] = derive;
            // Procedural macros are libraries.
            if plain && !name.is_empty() && !files.contains(&metadata) {
                match self.dir.join(&macros).exists() || name.ends_with("_derive") {
                    true => files.push(macros),
                    false => files.push(metadata),
                }
            }
        }
        if makefile(&format!("arch/{}/Makefile", self.arch)).contains("scripts/target.json") {
            files.push("scripts/target.json".into());
        }
        // What gives Rust's symbols their checksums.
        if self.has_modversions() && self.is_enabled("GENDWARFKSYMS") {
            files.push("scripts/gendwarfksyms/gendwarfksyms".into());
        }
        files.iter().map(|file| self.dir.join(file)).collect()
    }

    /// Refuses to compile `source`, which is Rust, where this kernel cannot.
    ///
    /// # Errors
    /// [`ErrorKind::KernelConfig`] without `CONFIG_RUST`, [`ErrorKind::KernelNotPrepared`] where
    /// files are missing, by name.
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
                    "{needs} kernel {} ({}) was built without CONFIG_RUST=y{since}: it takes \
                     modules in C alone. Name a kernel that has Rust (`kbuild-rs kernels` shows \
                     which do); {PAGE}",
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
                "{needs} kernel tree {} ({}) has CONFIG_RUST=y and not what Rust modules are \
                 compiled against: {} {} missing. Packages of headers leave that out; making that \
                 kernel's source ready with its own configuration and its own compiler ({}) \
                 brings it; {PAGE}",
                self.dir.display(),
                self.release,
                names.join(", "),
                if names.len() == 1 { "is" } else { "are" },
                self.rustc_version().unwrap_or("rustc"),
            ),
        ))
    }

    /// What is to be said where clang is to read what rustc's LLVM wrote, and is older: an error
    /// where the kernel always has it do so, else a warning.
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
            "the kernel {} links what clang and rustc compile as LLVM's own code \
             ({}), and clang {of_clang} cannot read what rustc's LLVM {of_rustc} writes: choose \
             LLVM {of_rustc} (LLVM=-{of_rustc}, --llvm, Build::llvm)",
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

/// `19` of `clang-19`, or of the file behind `clang`: `/usr/lib/llvm-19/bin/clang`.
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

#[cfg(test)]
mod tests {
    use crate::Kernel;
    use crate::kernel::fixture::Root;

    #[test]
    fn what_a_module_needs_is_what_the_kernels_own_makefiles_name() {
        let root = Root::new();
        let conf = "CONFIG_64BIT=y\nCONFIG_MODULES=y\nCONFIG_RUST=y\nCONFIG_MODVERSIONS=y\n\
                    CONFIG_GENDWARFKSYMS=y\n";
        let dir = root.kernel_with("k", "7.3.0", "x86", conf);
        let rule =
            "--extern pin_init --extern kernel \\\n\t--extern zerocopy_derive --extern $(x)\n";
        root.write("k/scripts/Makefile.build", rule);
        root.write(
            "k/arch/x86/Makefile",
            "F += --target=$(objtree)/scripts/target.json\n",
        );
        let kernel = Kernel::open(&dir).unwrap();
        let missing = kernel.missing_rust_metadata();
        for file in [
            "rust/libkernel.rmeta",
            "rust/libpin_init.rmeta",
            "rust/libzerocopy_derive.so",
            "scripts/target.json",
            "scripts/gendwarfksyms/gendwarfksyms",
        ] {
            assert!(missing.contains(&dir.join(file)), "{file}: {missing:?}");
        }
        assert_eq!(missing.len(), 10, "{missing:?}");
        missing.iter().for_each(|file| {
            root.write(file.to_str().unwrap(), "");
        });
        assert!(kernel.has_rust());
    }
}
