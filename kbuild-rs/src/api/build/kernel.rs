//! Against what: the kernel that is asked for, and whether it can be built against.

use std::ffi::OsStr;

use super::target::Target;
use super::{Build, MissingSymvers, go_on};
use crate::cargo::Door;
use crate::{Error, ErrorKind, Kernel, Result};

impl Build {
    /// The kernel to build against: the path of a kernel tree, or a release such as
    /// `6.12.117+deb12-amd64`. Default: `KDIR`, else the running kernel, else the newest one
    /// installed for this architecture, which is said aloud.
    pub fn kernel(&mut self, path_or_release: impl AsRef<OsStr>) -> &mut Self {
        self.kernels = vec![path_or_release.as_ref().to_owned()];
        self
    }

    /// Several kernels, for [`compile_each`](Self::compile_each). Default: `KDIR`, which may be a
    /// list in the form of `PATH`.
    pub fn kernels<K: AsRef<OsStr>>(&mut self, kernels: impl IntoIterator<Item = K>) -> &mut Self {
        self.kernels = kernels.into_iter().map(|k| k.as_ref().to_owned()).collect();
        self
    }

    /// The architecture that is expected, in the kernel's words or Rust's (`arm64`, `aarch64`).
    /// A kernel tree of another one is an error. Default: `ARCH`, else the kernel tree's own.
    pub fn arch(&mut self, arch: &str) -> &mut Self {
        self.arch = Some(arch.to_owned());
        self
    }

    /// The prefix of a cross toolchain, for instance `aarch64-linux-gnu-`. Default:
    /// `CROSS_COMPILE`, else what fits the kernel and Cargo's `TARGET`.
    pub fn cross_compile(&mut self, prefix: &str) -> &mut Self {
        self.cross_compile = Some(prefix.to_owned());
        self
    }

    /// Builds with LLVM: `1`, a version suffix (`-19`), or a folder (`/usr/lib/llvm-19/bin/`).
    /// Default: `LLVM`, else what the kernel was built with.
    pub fn llvm(&mut self, llvm: &str) -> &mut Self {
        self.llvm = Some(llvm.to_owned());
        self
    }

    /// The C compiler to use instead of the kernel's own. Default: `KBUILD_RS_CC` (`CC` is what
    /// Cargo builds programs with, and not read), else the one that the kernel was built with.
    pub fn cc(&mut self, cc: &str) -> &mut Self {
        self.cc = Some(cc.to_owned());
        self
    }

    /// The Rust target triple that the outer build is for. Default: Cargo's `TARGET`.
    pub fn rust_target(&mut self, triple: &str) -> &mut Self {
        self.rust_target = Some(triple.to_owned());
        self
    }

    /// The kernel that this builds for, the same way: the one that was named, else that of
    /// `KDIR` and its like, else the running one or the newest. For build scripts that build
    /// something else for it too; Cargo hears of the variables that were read.
    ///
    /// # Errors
    /// As [`try_compile`](Self::try_compile), where there is no such kernel, where several are
    /// named, or where it is of another architecture.
    pub fn find_kernel(&self) -> Result<Kernel> {
        let door = Door {
            metadata: self.sink.cargo,
        };
        go_on(Target::of(self, door).kernel(self, door))
    }
}

/// Refuses a kernel tree without a symvers, or says so.
pub(super) fn check_symvers(build: &Build, kernel: &Kernel) -> Result<()> {
    if kernel.symvers().is_some() {
        return Ok(());
    }
    let what = format!(
        "{} has no Module.symvers (it was only prepared, not built): no symbol can be checked",
        kernel.dir().display()
    );
    match build.missing_symvers {
        MissingSymvers::Warn => {
            let fails = match kernel.is_enabled("EXTENDED_MODVERSIONS") {
                true => " (CONFIG_EXTENDED_MODVERSIONS: without any checksum, its .mod.c is no C)",
                false => "",
            };
            build
                .sink
                .warning(&format!("{what}, and the module may not load{fails}"));
            Ok(())
        }
        MissingSymvers::Error => Err(Error::new(
            ErrorKind::KernelConfig,
            format!(
                "{what}. Build that kernel (make modules), copy the Module.symvers of its build \
                 there, or allow it (--missing-symvers warn, \
                 Build::missing_symvers(MissingSymvers::Warn))"
            ),
        )),
    }
}

/// Says of a kernel that refuses unsigned modules that a build signs none. kbuild does so when it
/// installs, and goes on where it cannot.
pub(super) fn note_signing(build: &Build, kernel: &Kernel) {
    if !kernel.requires_signing() {
        return;
    }
    let program = kernel.dir().join("scripts/sign-file");
    build.sink.note(&format!(
        "{} only loads signed modules (CONFIG_MODULE_SIG_FORCE), and `build` does not sign. Sign \
         with a key that the kernel trusts:\n    {} {} KEY CERTIFICATE FILE.ko{}",
        kernel.release(),
        program.display(),
        kernel.config("MODULE_SIG_HASH").unwrap_or("HASH"),
        match program.is_file() {
            true => "",
            false => "\n  (the program is missing here: `make modules_prepare` in that kernel's source makes it)",
        }
    ));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::kernel::fixture::Root;

    #[test]
    fn a_script_can_ask_for_the_kernel_before_anything_is_built() {
        let root = Root::new();
        let dir = root.kernel("kernel", "6.1.0-lab");
        let find = |kernel: &Path, arch: &str| {
            let mut build = Build::new();
            build.cargo_metadata(false).on_message(|_| {});
            build.kernel(kernel).arch(arch).find_kernel()
        };
        assert_eq!(find(&dir, "x86").unwrap().release(), "6.1.0-lab");
        let kind = |kernel: &Path, arch: &str| find(kernel, arch).unwrap_err().kind();
        assert_eq!(kind(&dir, "arm64"), ErrorKind::ArchitectureMismatch);
        assert_eq!(kind(&root.join("none"), "x86"), ErrorKind::KernelNotFound);
    }
}
