//! The kernel to build against, and its toolchain.
//!
//! A build script that runs CMake calls `find_kernel`, and prints the other directives for Cargo
//! itself. A helper around the crate `cmake` would be a dependency of every build;
//! `examples/cargo-cmake-sdk` shows the six lines.

use std::ffi::OsStr;

use super::Build;
use crate::resolve::Wanted;
use crate::{Kernel, Result};

impl Build {
    /// Sets the kernel to build against: the path of a kernel tree, or a release such as
    /// `6.12.117+deb12-amd64`. Default: `KDIR`, else the running kernel, else the newest one
    /// installed for this architecture; a note then names it.
    pub fn kernel(&mut self, path_or_release: impl AsRef<OsStr>) -> &mut Self {
        self.settings.kernels = vec![path_or_release.as_ref().to_owned()];
        self
    }

    /// Sets several kernels, for [`compile_each`](Self::compile_each). Default: `KDIR`, which may
    /// be a list in the form of `PATH`.
    pub fn kernels<K: AsRef<OsStr>>(&mut self, kernels: impl IntoIterator<Item = K>) -> &mut Self {
        self.settings.kernels = kernels.into_iter().map(|k| k.as_ref().to_owned()).collect();
        self
    }

    /// Sets the required architecture, by the kernel's name or Rust's (`arm64`, `aarch64`). A
    /// kernel tree of another one is an error. Default: `ARCH`, else that of the kernel tree.
    pub fn arch(&mut self, arch: &str) -> &mut Self {
        self.settings.arch = Some(arch.to_owned());
        self
    }

    /// Sets the prefix of a cross toolchain, for instance `aarch64-linux-gnu-`. Default:
    /// `CROSS_COMPILE`, else a prefix that fits the kernel and Cargo's `TARGET`.
    pub fn cross_compile(&mut self, prefix: &str) -> &mut Self {
        self.settings.cross_compile = Some(prefix.to_owned());
        self
    }

    /// Builds with LLVM: `1`, a version suffix (`-19`), or a folder (`/usr/lib/llvm-19/bin/`).
    /// Default: `LLVM`, else the toolchain that the kernel was built with.
    pub fn llvm(&mut self, llvm: &str) -> &mut Self {
        self.settings.llvm = Some(llvm.to_owned());
        self
    }

    /// Sets the C compiler to use instead of the kernel's own. Default: `KBUILD_RS_CC`, else the
    /// one that the kernel was built with. `CC` is not read, because Cargo builds programs with it.
    pub fn cc(&mut self, cc: &str) -> &mut Self {
        self.settings.cc = Some(cc.to_owned());
        self
    }

    /// Sets the Rust target triple of the outer build. Default: Cargo's `TARGET`.
    pub fn rust_target(&mut self, triple: &str) -> &mut Self {
        self.settings.rust_target = Some(triple.to_owned());
        self
    }

    /// Returns the kernel that this build uses: the named one, else that of `KDIR` or a similar
    /// variable, else the running or the newest one. This is for build scripts that also build
    /// something else for that kernel. Cargo is told the variables that were read.
    ///
    /// # Errors
    /// As [`try_compile`](Self::try_compile), if there is no such kernel, if several are named, or
    /// if it has another architecture.
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
