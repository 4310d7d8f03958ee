//! The results of a build: [`Report`], [`Artifact`] and, for a dry run, [`Plan`](super::Plan).

use std::path::{Path, PathBuf};

use super::Provided;
use crate::Kernel;

/// The products of a build, and its inputs.
#[derive(Debug, Clone)]
pub struct Report {
    pub(crate) kernel: Option<Kernel>,
    pub(crate) out_dir: PathBuf,
    pub(crate) modules: Vec<Artifact>,
    pub(crate) products: Vec<PathBuf>,
    pub(crate) targets: Vec<PathBuf>,
    pub(crate) symvers: Option<PathBuf>,
    pub(crate) prerequisites: Vec<PathBuf>,
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) provided: Provided,
    pub(crate) started_make: bool,
    pub(crate) cached: bool,
}

impl Report {
    /// The report of a build that `KBUILD_RS_SKIP` skips: placeholders.
    pub(crate) fn skipped(
        out_dir: PathBuf,
        modules: Vec<Artifact>,
        products: Vec<PathBuf>,
    ) -> Self {
        Report {
            kernel: None,
            out_dir,
            modules,
            products,
            targets: Vec::new(),
            symvers: None,
            prerequisites: Vec::new(),
            folders: Vec::new(),
            provided: Provided::default(),
            started_make: false,
            cached: false,
        }
    }

    /// The kernel that was built against; `None` when `KBUILD_RS_SKIP` is set.
    pub fn kernel(&self) -> Option<&Kernel> {
        self.kernel.as_ref()
    }

    /// The directory with the products.
    pub fn out_dir(&self) -> &Path {
        &self.out_dir
    }

    /// The modules, in the order in which kbuild lists them (`modules.order`). Empty if
    /// [`Build::target`](crate::Build::target) replaced the modules; placeholders if
    /// `KBUILD_RS_SKIP` is set.
    pub fn modules(&self) -> &[Artifact] {
        &self.modules
    }

    /// The module of this name. `-` and `_` are the same, as for `modprobe`.
    pub fn module(&self, name: &str) -> Option<&Artifact> {
        let wanted = name.replace('-', "_");
        self.modules
            .iter()
            .find(|m| m.name.replace('-', "_") == wanted)
    }

    /// The files that [`Build::product`](crate::Build::product) asked for, in that order: their
    /// copies in the output directory.
    pub fn products(&self) -> &[PathBuf] {
        &self.products
    }

    /// The files that [`Build::target`](crate::Build::target) asked for: their copies in the output
    /// directory.
    pub fn targets(&self) -> &[PathBuf] {
        &self.targets
    }

    /// The symbols these modules export, for [`Build::symvers`](crate::Build::symvers) of a
    /// module that uses them.
    pub fn symvers(&self) -> Option<&Path> {
        self.symvers.as_deref()
    }

    /// Every input of the products: sources, headers, the kernel's identity, the compiler.
    /// Absolute, sorted, real paths (never the stage's).
    pub fn prerequisites(&self) -> &[PathBuf] {
        &self.prerequisites
    }

    /// The folders of a module tree, and the folders searched for headers: a new file in one of
    /// them causes another build. Folders that hold the output directory are left out.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Whether everything was up to date, so that make did not run.
    pub fn is_fresh(&self) -> bool {
        !self.started_make && !self.cached
    }

    /// Whether the products came from the cache of finished modules (feature `cache`), so that make
    /// did not run.
    pub fn is_cached(&self) -> bool {
        self.cached
    }
}

/// A module that was built.
#[derive(Debug, Clone)]
pub struct Artifact {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl Artifact {
    /// The module's name, as in `<name>.ko`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `.ko` in the output directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
