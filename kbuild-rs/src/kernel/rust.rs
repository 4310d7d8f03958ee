//! Rust in a kernel: the files that its Rust modules are compiled against.

use std::path::PathBuf;

use super::Kernel;
use crate::sys::regular;

impl Kernel {
    /// Whether Rust modules can be built here: `CONFIG_RUST=y` is set *and* the crate metadata
    /// exists. Distribution packages set the option and leave out the metadata.
    pub fn has_rust(&self) -> bool {
        self.is_enabled("RUST") && self.missing_rust_metadata().is_empty()
    }

    /// The version text of the Rust compiler that built this kernel (`CONFIG_RUSTC_VERSION_TEXT`):
    /// `rustc 1.85.1 (4eb161250 2025-03-15)`. No other compiler can read the kernel's crates.
    pub fn rustc_version(&self) -> Option<&str> {
        self.config("RUSTC_VERSION_TEXT")
            .filter(|text| !text.is_empty() && *text != "n")
    }

    /// The files that a Rust module needs and this tree lacks.
    pub fn missing_rust_metadata(&self) -> Vec<PathBuf> {
        let mut files = self.rust_files();
        files.retain(|file| !file.exists());
        files
    }

    /// The files that each Rust module is compiled against, from the kernel's own makefiles.
    pub(crate) fn rust_files(&self) -> Vec<PathBuf> {
        // All of rust/Makefile from 6.1 to 7.3 have these.
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
        let makefile =
            |path: &str| regular::read_to_string(self.source.join(path)).unwrap_or_default();
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
        // The oldest kernels have the file for every architecture.
        let of_arch = format!("arch/{}/Makefile", self.arch);
        for (path, folder) in [("Makefile", "rust"), (&of_arch, "scripts")] {
            if makefile(path).contains(&format!("$(objtree)/{folder}/target.json")) {
                files.push(format!("{folder}/target.json"));
            }
        }
        files.iter().map(|file| self.dir.join(file)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::Kernel;
    use crate::fixture::Root;

    #[test]
    fn the_files_that_a_module_needs_are_those_in_the_kernels_own_makefiles() {
        let root = Root::new();
        let conf = "CONFIG_64BIT=y\nCONFIG_MODULES=y\nCONFIG_RUST=y\n";
        let dir = root.kernel_with("k", "7.3.0", "x86", conf);
        let rule =
            "--extern pin_init --extern kernel \\\n\t--extern zerocopy_derive --extern $(x)\n";
        root.write("k/scripts/Makefile.build", rule);
        root.write(
            "k/arch/x86/Makefile",
            "F += --target=$(objtree)/scripts/target.json\n",
        );
        root.write(
            "k/Makefile",
            "KBUILD_RUSTFLAGS := --target=$(objtree)/rust/target.json\n",
        );
        let kernel = Kernel::open(&dir).unwrap();
        let missing = kernel.missing_rust_metadata();
        for file in [
            "rust/libkernel.rmeta",
            "rust/libpin_init.rmeta",
            "rust/libzerocopy_derive.so",
            "rust/target.json",
            "scripts/target.json",
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
