//! Kernel trees: finds and describes them.

mod arch;
#[cfg(feature = "cc")]
mod ask_cc;
pub(crate) mod btf;
mod compiler;
mod config;
mod distro;
mod find;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod gcc;
mod llvm;
mod number;
mod open;
mod output;
mod path;
mod programs;
mod rust;
#[cfg(feature = "rust")]
mod rust_checks;
#[cfg(feature = "rust")]
mod rust_metadata;
#[cfg(feature = "rust")]
mod rustc;
mod symvers;
#[cfg(test)]
mod tests;
mod toolchain;
#[cfg(test)]
mod toolchain_tests;
#[cfg(feature = "install")]
mod tools;

use std::path::{Path, PathBuf};

use crate::error::names::KERNEL;
use crate::sys::sort_paths;
use crate::{Error, ErrorKind, Result};
use arch::Variant;
pub(crate) use config::Config;
use find::Host;

pub use arch::{arch_name, arch_of_target};
pub(crate) use compiler::GCC_ONLY;
pub use compiler::{Compiler, CompilerKind};
#[cfg(feature = "install")]
pub(crate) use distro::install_command;
pub use find::Installed;
pub(crate) use programs::is_of_loader;
#[cfg(feature = "rust")]
pub(crate) use rustc::{RustRequest, Rustc, of_rustup};
pub use symvers::{Symbol, Symbols, Symvers};
pub use toolchain::{ToolRequest, Toolchain};
#[cfg(feature = "install")]
pub use tools::missing_tool;
#[cfg(feature = "install")]
pub(crate) use tools::{ElfKind, program, shown, strip_package, strip_programs};

/// A kernel tree: a directory that `make -C` accepts for external modules.
///
/// That is a distribution's header package, a built kernel source, or the output of a kernel build
/// with `O=`. Opening one reads a few of its files and starts no process. If object tree and source
/// tree are separate (Debian's flavour and common packages, `O=`), this stands for the pair.
#[derive(Debug, Clone)]
pub struct Kernel {
    dir: PathBuf,
    source: PathBuf,
    release: String,
    arch: String,
    config: Config,
    compiler: Compiler,
}

impl Kernel {
    /// Opens the kernel tree at `dir`.
    ///
    /// `dir` is the tree itself, `/lib/modules/<release>`, or the `build` link in it. The path
    /// becomes canonical.
    ///
    /// # Errors
    /// [`ErrorKind::KernelNotFound`] if `dir` does not exist, and [`ErrorKind::KernelNotPrepared`]
    /// for a directory that `make -C` would not accept. Both name the missing file, and the command
    /// or the package that provides it. [`ErrorKind::InvalidInput`] for a path that kbuild cannot
    /// handle.
    pub fn open(dir: impl AsRef<Path>) -> Result<Kernel> {
        open::open(dir.as_ref(), &Host::this())
    }

    /// Opens the kernel that a user names: a path (it contains a `/`, or is a directory), or a
    /// release such as `6.12.117+deb12-amd64`.
    ///
    /// # Errors
    /// As [`open`](Kernel::open); for a release that is not installed, the message lists the
    /// installed ones.
    pub fn find(request: &str) -> Result<Kernel> {
        Host::this().find(request)
    }

    /// Opens the tree of the running kernel (`uname -r`).
    ///
    /// # Errors
    /// As [`find`](Kernel::find).
    pub fn running() -> Result<Kernel> {
        let host = Host::this();
        host.find_release(&host.running()?)
    }

    /// Every kernel tree on this machine: those of `/lib/modules/*/build`,
    /// `/usr/src/linux-headers-*` and `/usr/src/kernels/*`, each once, the newest release first.
    ///
    /// The list includes unusable trees, with the reason.
    pub fn installed() -> Vec<Installed> {
        Host::this().installed()
    }

    /// Returns the default kernel: the running one, else the newest installed one of this machine's
    /// architecture, or of `arch` if that is given.
    ///
    /// If the kernel is not the running one, the second value is a sentence that says so and gives
    /// the reason; show it to the user.
    ///
    /// # Errors
    /// [`ErrorKind::KernelNotFound`] when no tree here fits.
    pub fn default_for(arch: Option<&str>) -> Result<(Kernel, Option<String>)> {
        Host::this().default_for(arch)
    }

    /// The directory for `make -C`: the object tree.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The half with the sources and the scripts; the same as [`dir`](Kernel::dir) if the tree is
    /// not split.
    pub fn source_dir(&self) -> &Path {
        &self.source
    }

    /// The release, as in the vermagic of modules built here and in `/lib/modules/`, for instance
    /// `6.12.117+deb12-amd64`.
    ///
    /// This is `UTS_RELEASE` of `include/generated/utsrelease.h`: Debian's 6.1 headers have only
    /// `6.1.192` in `include/config/kernel.release`.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The first two numbers of the release: `(6, 12)`.
    pub fn version(&self) -> (u32, u32) {
        let mut numbers = self
            .release
            .split(|c: char| !c.is_ascii_digit())
            .map(|part| part.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    /// The kernel's word for its architecture: `x86`, `arm64`, `riscv`, …
    pub fn arch(&self) -> &str {
        &self.arch
    }

    /// The value of a configuration symbol, named with or without `CONFIG_`: `y`, `m`, a number as
    /// text, a string without its quotes. `None` when the symbol is off.
    pub fn config(&self, name: &str) -> Option<&str> {
        self.config.get(name)
    }

    /// The configuration as a whole.
    #[cfg(feature = "install")]
    pub(crate) fn whole_config(&self) -> &Config {
        &self.config
    }

    /// Every configuration symbol that is not off, without its `CONFIG_`, and its value.
    pub fn configs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.config.iter()
    }

    /// Whether a symbol is `y` or `m`.
    pub fn is_enabled(&self, name: &str) -> bool {
        matches!(self.config(name), Some("y" | "m"))
    }

    /// The compiler that this kernel was built with.
    pub fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// The symbols that this kernel exports. A tree that was only prepared with `make
    /// modules_prepare` has none, so modpost cannot check symbols.
    pub fn symvers(&self) -> Option<PathBuf> {
        existing(self.dir.join("Module.symvers"))
    }

    /// The kernel image that BTF of modules is made against, if the tree has one.
    pub fn vmlinux(&self) -> Option<PathBuf> {
        existing(self.dir.join("vmlinux"))
    }

    /// `CONFIG_MODVERSIONS`: symbols carry checksums, which must match when a module is loaded.
    pub fn has_modversions(&self) -> bool {
        self.is_enabled("MODVERSIONS")
    }

    /// `CONFIG_MODULE_SIG`: the kernel checks module signatures.
    pub fn has_signing(&self) -> bool {
        self.is_enabled("MODULE_SIG")
    }

    /// `CONFIG_MODULE_SIG_FORCE`: the kernel refuses modules that are not signed.
    pub fn requires_signing(&self) -> bool {
        self.is_enabled("MODULE_SIG_FORCE")
    }

    /// `CONFIG_DEBUG_INFO_BTF_MODULES`: modules get BTF, if [`vmlinux`](Kernel::vmlinux) exists.
    pub fn has_btf(&self) -> bool {
        self.is_enabled("DEBUG_INFO_BTF_MODULES")
    }

    /// The existing files that identify this kernel: if one of them changes, modules built against
    /// it are out of date. Headers are not among them, because each header is a prerequisite
    /// itself.
    pub fn identity_files(&self) -> Vec<PathBuf> {
        const OBJECT: [&str; 16] = [
            "Makefile",
            ".config",
            ".kernelvariables",
            "include/config/auto.conf",
            "include/config/kernel.release",
            "include/generated/autoconf.h",
            "include/generated/utsrelease.h",
            "Module.symvers",
            "scripts/basic/fixdep",
            "scripts/gendwarfksyms/gendwarfksyms",
            "scripts/genksyms/genksyms",
            "scripts/mod/modpost",
            "scripts/module.lds",
            "scripts/sign-file",
            "tools/objtool/objtool",
            "tools/bpf/resolve_btfids/resolve_btfids",
        ];
        const SOURCE: [&str; 8] = [
            "Makefile",
            "scripts/Kbuild.include",
            "scripts/Makefile.build",
            "scripts/Makefile.compiler",
            "scripts/Makefile.lib",
            "scripts/Makefile.modpost",
            "scripts/Makefile.modfinal",
            "scripts/link-vmlinux.sh",
        ];
        let mut files: Vec<PathBuf> = OBJECT.iter().map(|file| self.dir.join(file)).collect();
        if self.has_btf() {
            files.push(self.dir.join("vmlinux"));
        }
        files.extend(SOURCE.iter().map(|file| self.source.join(file)));
        files.push(self.dir.join(format!("arch/{}/module.lds", self.arch)));
        files.push(self.source.join(format!("arch/{}/Makefile", self.arch)));
        sort_paths(&mut files);
        files.retain(|file| file.is_file());
        files
    }

    /// Refuses a build for another architecture than this kernel's.
    ///
    /// `request` is an `ARCH` in any spelling, `rust_target` a target triple; one that no kernel
    /// runs on is ignored. Distribution trees override `ARCH`: there, plain make accepts
    /// `ARCH=arm64` and silently builds an x86 module.
    ///
    /// # Errors
    /// [`ErrorKind::ArchitectureMismatch`], naming both sides.
    pub fn check_arch(&self, request: Option<&str>, rust_target: Option<&str>) -> Result<()> {
        let own_bits = if self.variant().wide { 64 } else { 32 };
        if let Some(word) = request {
            if arch_name(word) != self.arch || arch::bits(word).is_some_and(|b| b != own_bits) {
                let bits = arch::bits(word).map_or(String::new(), |bits| format!("{bits}-bit "));
                let asked = format!("ARCH={word} asks for {bits}{}", arch_name(word));
                return Err(self.other_arch(asked));
            }
        }
        if let Some(triple) = rust_target {
            let word = triple.split('-').next().unwrap_or(triple);
            // A 32-bit program may load a module into a 64-bit kernel, but not the other way round.
            let too_wide = arch::bits(word) == Some(64) && own_bits == 32;
            if arch_of_target(triple).is_some_and(|arch| arch != self.arch || too_wide) {
                return Err(self.other_arch(format!("the Rust target is {triple}")));
            }
        }
        Ok(())
    }

    fn other_arch(&self, asked: String) -> Error {
        let bits = if self.variant().wide { 64 } else { 32 };
        Error::new(
            ErrorKind::ArchitectureMismatch,
            format!(
                "{asked}, but the kernel tree {} ({}) is {bits}-bit {}. Name a kernel tree of that \
                 architecture ({KERNEL})",
                self.dir.display(),
                self.release,
                self.arch
            ),
        )
    }

    fn variant(&self) -> Variant<'_> {
        let fixed = matches!(self.arch.as_str(), "arm64" | "s390" | "loongarch" | "alpha");
        Variant {
            arch: &self.arch,
            wide: fixed || self.is_enabled("64BIT"),
            little: !self.is_enabled("CPU_BIG_ENDIAN"),
        }
    }
}

fn existing(file: PathBuf) -> Option<PathBuf> {
    file.is_file().then_some(file)
}
