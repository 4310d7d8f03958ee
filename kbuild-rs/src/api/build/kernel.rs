//! Against what: the kernel that is asked for, and whether it can be built against.
//!
//! A build script that runs CMake asks `find_kernel`, and tells Cargo the rest itself. A helper
//! around the crate `cmake` would be a dependency of every build; `examples/cargo-cmake-sdk` shows
//! the six lines.

use std::ffi::OsStr;

use super::Build;
use crate::resolve::Wanted;
use crate::{Kernel, Result};

impl Build {
    /// The kernel to build against: the path of a kernel tree, or a release such as
    /// `6.12.117+deb12-amd64`. Default: `KDIR`, else the running kernel, else the newest one
    /// installed for this architecture, which is said aloud.
    pub fn kernel(&mut self, path_or_release: impl AsRef<OsStr>) -> &mut Self {
        self.settings.kernels = vec![path_or_release.as_ref().to_owned()];
        self
    }

    /// Several kernels, for [`compile_each`](Self::compile_each). Default: `KDIR`, which may be a
    /// list in the form of `PATH`.
    pub fn kernels<K: AsRef<OsStr>>(&mut self, kernels: impl IntoIterator<Item = K>) -> &mut Self {
        self.settings.kernels = kernels.into_iter().map(|k| k.as_ref().to_owned()).collect();
        self
    }

    /// The architecture that is expected, in the kernel's words or Rust's (`arm64`, `aarch64`).
    /// A kernel tree of another one is an error. Default: `ARCH`, else the kernel tree's own.
    pub fn arch(&mut self, arch: &str) -> &mut Self {
        self.settings.arch = Some(arch.to_owned());
        self
    }

    /// The prefix of a cross toolchain, for instance `aarch64-linux-gnu-`. Default:
    /// `CROSS_COMPILE`, else what fits the kernel and Cargo's `TARGET`.
    pub fn cross_compile(&mut self, prefix: &str) -> &mut Self {
        self.settings.cross_compile = Some(prefix.to_owned());
        self
    }

    /// Builds with LLVM: `1`, a version suffix (`-19`), or a folder (`/usr/lib/llvm-19/bin/`).
    /// Default: `LLVM`, else what the kernel was built with.
    pub fn llvm(&mut self, llvm: &str) -> &mut Self {
        self.settings.llvm = Some(llvm.to_owned());
        self
    }

    /// The C compiler to use instead of the kernel's own. Default: `KBUILD_RS_CC` (`CC` is what
    /// Cargo builds programs with, and not read), else the one that the kernel was built with.
    pub fn cc(&mut self, cc: &str) -> &mut Self {
        self.settings.cc = Some(cc.to_owned());
        self
    }

    /// The Rust target triple that the outer build is for. Default: Cargo's `TARGET`.
    pub fn rust_target(&mut self, triple: &str) -> &mut Self {
        self.settings.rust_target = Some(triple.to_owned());
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
        let wanted = Wanted::of(&self.settings);
        self.go_on(wanted.kernel(&self.settings))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ErrorKind;
    use crate::fixture::Root;

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
