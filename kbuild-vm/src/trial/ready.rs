//! The preparations of a test: its kernel, busybox and QEMU.

use std::path::{Path, PathBuf};

use super::ModuleTest;
use crate::guest::{Arch, Kernel};
use crate::image::decompress;
use crate::{Error, Result, locate};

/// What a guest needs.
pub(super) struct Ready {
    pub(super) kernel: Kernel,
    pub(super) busybox: PathBuf,
    /// The unpacked image may be here.
    _scratch: tempfile::TempDir,
}

impl ModuleTest {
    /// Finds everything, or says what is missing.
    pub(super) fn ready(&self) -> Result<Ready> {
        let kernel = self.find_kernel()?;
        locate::check_qemu(kernel.arch)?;
        let busybox = match &self.busybox {
            Some(path) => path.clone(),
            None => locate::busybox(kernel.arch)?,
        };
        if let Some((name, _)) = self.parameters.iter().find(|(name, _)| !self.has(name)) {
            let why = format!("there are parameters for {name}, which is not one of the modules");
            return Err(Error::Modules { why });
        }
        let scratch = tempfile::tempdir().map_err(Error::file(&std::env::temp_dir()))?;
        Ok(Ready {
            kernel: self.unpacked(kernel, scratch.path()),
            busybox,
            _scratch: scratch,
        })
    }

    /// Says which module needs one that is missing.
    pub(super) fn named(&self, error: Error) -> Error {
        let Error::NoModule { name, folder } = &error else {
            return error;
        };
        let mut modules = self.modules.iter();
        let Some(user) = modules.find(|one| one.depends.contains(name)) else {
            return error;
        };
        let why = format!(
            "{} needs the module {name}, which is not one of these modules and not in {}: name its \
             .ko, too",
            user.name,
            folder.display()
        );
        Error::Modules { why }
    }

    fn has(&self, name: &str) -> bool {
        self.modules.iter().any(|one| one.name == name)
    }

    fn find_kernel(&self) -> Result<Kernel> {
        let first = &self.modules[0];
        let fail = |why: String| Err(Error::Modules { why });
        let Some(arch) = first.arch else {
            return fail(format!(
                "{} is for a processor that a test cannot emulate: only x86-64 and arm64",
                first.path.display()
            ));
        };
        match &self.kernel {
            None => Kernel::find(&first.release, arch, self.tree.as_deref()),
            Some(kernel) if kernel.release != first.release => fail(format!(
                "{} was built for the kernel {}, not for {}: build it for that kernel",
                first.path.display(),
                first.release,
                kernel.release
            )),
            Some(kernel) => Ok(kernel.clone()),
        }
    }

    /// The same kernel, without its own decompressor if possible: an emulated machine spends more time
    /// there than in the rest of the boot.
    fn unpacked(&self, kernel: Kernel, scratch: &Path) -> Kernel {
        let plain = scratch.join("vmlinux");
        let config = kernel.config(self.tree.as_deref());
        let done = config.is_some_and(|config| {
            // Without xz or zstd, the image starts as it is.
            kernel.arch == Arch::X86_64
                && decompress(&kernel.image, &config, &plain).unwrap_or(false)
        });
        match done {
            true => Kernel {
                image: plain,
                ..kernel
            },
            false => kernel,
        }
    }
}
