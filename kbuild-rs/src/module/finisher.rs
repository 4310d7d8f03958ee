//! Modules made ready for packages: found, stripped, signed and compressed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::built::{self, Built};
use super::closure::{InTree, KernelModules, Need};
use super::finish::{Compression, Finish, Strip};
use super::modinfo::ModuleInfo;
use super::sign::Signer;
use super::target::Target;
use crate::kernel::Kernel;
use crate::sys::{Image, Signals};
use crate::{Error, ErrorKind, Result};

/// Turns built modules into the files that a package contains: stripped, signed, compressed.
///
/// ```no_run
/// let modules = kbuild::Finisher::new().finish(&["kbuild-out".into()])?;
/// for module in &modules {
///     println!("{} for {}", module.file_name, module.info.release);
/// }
/// # Ok::<(), kbuild::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Finisher {
    kernels: Vec<String>,
    strip: Option<Strip>,
    signer: Option<Signer>,
    compression: Option<Compression>,
}

/// A module that is ready to be installed.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The properties of the module as it was built.
    pub info: ModuleInfo,
    /// The file that the build made.
    pub source: PathBuf,
    /// The name of the installed file: `hello.ko.xz`.
    pub file_name: String,
    /// The contents of the installed file.
    pub bytes: Vec<u8>,
    /// When the built file was last changed.
    pub modified: SystemTime,
    /// Whether it is for a 64-bit kernel.
    pub is_64_bit: bool,
    /// Whether it is for a little-endian kernel.
    pub is_little_endian: bool,
}

impl Finisher {
    /// All modules, as their kernels' `make modules_install` would install them.
    pub fn new() -> Finisher {
        Finisher::default()
    }

    /// Takes only the modules of this kernel: a release, or the path of a kernel tree. Call it again
    /// for others. A kernel without a module is an error.
    pub fn kernel(mut self, kernel: &str) -> Finisher {
        self.kernels.push(kernel.to_owned());
        self
    }

    /// Strips the modules.
    pub fn strip(mut self, strip: Strip) -> Finisher {
        self.strip = Some(strip);
        self
    }

    /// Signs the modules.
    pub fn signer(mut self, signer: Signer) -> Finisher {
        self.signer = Some(signer);
        self
    }

    /// Compresses the modules like this. Default: as the kernel is configured.
    pub fn compression(mut self, compression: Compression) -> Finisher {
        self.compression = Some(compression);
        self
    }

    /// Finds the modules in `inputs` (`.ko` files, and folders with such files) and makes them ready.
    /// The result is sorted by release and name.
    ///
    /// # Errors
    /// [`ErrorKind::SourceNotFound`] for an input that does not exist or contains no module;
    /// [`ErrorKind::InvalidInput`] for a kernel without a module; [`ErrorKind::InvalidFile`] for a
    /// file that is not a module, [`ErrorKind::ToolNotFound`] and [`ErrorKind::ToolFailed`] for
    /// programs, [`ErrorKind::Stopped`] after a request to stop, and the errors of [`Signer`].
    pub fn finish(&self, inputs: &[PathBuf]) -> Result<Vec<Finished>> {
        let built = built::find(inputs)?;
        let targets = self.targets(&built)?;
        let mut finished = Vec::new();
        for built in built {
            Signals::check()?;
            let target = targets.iter().find(|t| t.release == built.info.release);
            if let Some(target) = target {
                finished.push(self.one(built, target)?);
            }
        }
        Ok(finished)
    }

    /// The modules of the kernel itself that `modules`, all of one release, need: an image without
    /// the kernel's package has to contain them, too. `folder` is a root with
    /// `lib/modules/<release>`, such as an extracted package of that kernel, or `/`.
    ///
    /// # Errors
    /// [`ErrorKind::KernelNotFound`] if `folder` has no modules of the release;
    /// [`ErrorKind::SourceNotFound`] names each module that is missing and the one that needs it;
    /// [`ErrorKind::InvalidFile`] for a file that is not a module of the release.
    pub fn closure(modules: &[&Finished], folder: &Path) -> Result<Vec<InTree>> {
        let Some(first) = modules.first() else {
            return Ok(Vec::new());
        };
        let needs = modules.iter().map(|module| Need {
            name: &module.info.name,
            depends: &module.info.depends,
        });
        let needs: Vec<Need<'_>> = needs.collect();
        KernelModules::open(folder, &first.info.release)?.closure(&needs)
    }

    /// The kernels that modules are finished for.
    fn targets(&self, built: &[Built]) -> Result<Vec<Target>> {
        let image = Image::open(Path::new("/"))?;
        let mut targets: Vec<Target> = Vec::new();
        for kernel in &self.kernels {
            let is_path = kernel.contains('/') || Path::new(kernel).is_dir();
            let target = match is_path {
                true => Target::of_tree(&image, Kernel::open(kernel)?)?,
                false => Target::in_root(&image, kernel)?,
            };
            if built
                .iter()
                .all(|built| built.info.release != target.release)
            {
                return Err(no_module(&target.release, built));
            }
            targets.push(target);
        }
        if self.kernels.is_empty() {
            for built in built {
                let release = &built.info.release;
                if targets.iter().all(|target| target.release != *release) {
                    targets.push(Target::in_root(&image, release)?);
                }
            }
        }
        Ok(targets)
    }

    fn one(&self, built: Built, target: &Target) -> Result<Finished> {
        let finish = Finish {
            strip: self.strip.clone(),
            signer: self.signer.clone(),
            compression: self.compression.unwrap_or_else(|| Compression::of(target)),
            target: target.clone(),
        };
        let stem = built.path.file_name().unwrap_or_default().to_string_lossy();
        let name = built.path.display().to_string();
        Ok(Finished {
            file_name: format!("{stem}{}", finish.compression.suffix()),
            bytes: finish.apply(&built.bytes, &name)?,
            is_64_bit: built.bytes.get(4) != Some(&1),
            is_little_endian: built.bytes.get(5) != Some(&2),
            info: built.info,
            modified: built.modified,
            source: built.path,
        })
    }
}

fn no_module(release: &str, built: &[Built]) -> Error {
    let mut releases: Vec<&str> = built.iter().map(|b| b.info.release.as_str()).collect();
    releases.dedup();
    Error::new(
        ErrorKind::InvalidInput,
        format!(
            "none of these modules is for the kernel {release}; they are for {}. Build for it first:\
             \n    kbuild-rs build --kernel {release}",
            releases.join(", ")
        ),
    )
}
