//! What a build gave: [`Report`], [`Artifact`] and, for a dry run, [`Plan`].

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::Kernel;
use crate::cargo::Provided;
use crate::make::shell_quote;

/// What came out of a build, and what it depended on.
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
}

impl Report {
    /// What `KBUILD_RS_SKIP` leaves: placeholders.
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
        }
    }

    /// The kernel that was built against; `None` when `KBUILD_RS_SKIP` is set.
    pub fn kernel(&self) -> Option<&Kernel> {
        self.kernel.as_ref()
    }

    /// The directory the products lie in.
    pub fn out_dir(&self) -> &Path {
        &self.out_dir
    }

    /// The modules, in the order that kbuild lists them in (`modules.order`). Empty when
    /// [`Build::target`](crate::Build::target) asked for something else; placeholders when
    /// `KBUILD_RS_SKIP` is set.
    pub fn modules(&self) -> &[Artifact] {
        &self.modules
    }

    /// The module of this name, `-` and `_` being the same as they are to `modprobe`.
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

    /// What [`Build::target`](crate::Build::target) asked for, where it is a file: its copy in
    /// the output directory.
    pub fn targets(&self) -> &[PathBuf] {
        &self.targets
    }

    /// The symbols these modules export, for [`Build::symvers`](crate::Build::symvers) of a
    /// module that uses them.
    pub fn symvers(&self) -> Option<&Path> {
        self.symvers.as_deref()
    }

    /// Every file that the products were made from: sources, headers, the kernel's identity,
    /// the compiler. Absolute, sorted, real paths (never the stage's).
    pub fn prerequisites(&self) -> &[PathBuf] {
        &self.prerequisites
    }

    /// The folders of a module tree, and those that headers are looked for in: a new file in one
    /// of them means another build. Folders that hold the output directory are left out.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Whether everything was up to date, so that make was not started.
    pub fn is_fresh(&self) -> bool {
        !self.started_make
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

    /// What the module says about itself: vermagic, license, depends, symbols in and out
    /// (feature `modinfo`).
    #[cfg(feature = "modinfo")]
    pub fn info(&self) -> crate::Result<crate::ModuleInfo> {
        crate::ModuleInfo::read(&self.path)
    }
}

/// What a build would run, see [`Build::plan`](crate::Build::plan).
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) kernel: Kernel,
    pub(crate) stage: PathBuf,
    pub(crate) cwd: PathBuf,
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    /// The names of those whose values come from outside or from the caller.
    pub(crate) not_ours: Vec<OsString>,
}

impl Plan {
    /// The kernel that would be built against.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The private copy of the sources that kbuild would build in.
    pub fn stage(&self) -> &Path {
        &self.stage
    }

    /// The whole environment that make would get. Values that kbuild-rs did not set itself may be
    /// secrets: show [`shown_env`](Self::shown_env).
    pub fn env(&self) -> &[(OsString, OsString)] {
        &self.env
    }

    /// The environment for people and logs: each name, with its value where kbuild-rs set it.
    pub fn shown_env(&self) -> impl Iterator<Item = (&OsStr, Option<&OsStr>)> {
        self.env.iter().map(|(name, value)| {
            let shown = !self.not_ours.contains(name);
            (&**name, shown.then_some(&**value))
        })
    }

    /// make's arguments.
    pub fn args(&self) -> &[OsString] {
        &self.args
    }
}

impl fmt::Display for Plan {
    /// A shell command that does the same, once the stage has been filled. Values that kbuild-rs
    /// did not set are the shell's own: `TOKEN="$TOKEN"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cd {} && env -i", shell_quote(self.cwd.as_os_str()))?;
        for (name, value) in self.shown_env() {
            match (value, name.to_str()) {
                (Some(value), _) => {
                    let mut pair = name.to_owned();
                    pair.push("=");
                    pair.push(value);
                    write!(f, " \\\n  {}", shell_quote(&pair))?;
                }
                (None, Some(name)) if is_identifier(name) => {
                    write!(f, " \\\n  {name}=\"${name}\"")?;
                }
                // No shell can be asked for it.
                (None, _) => {}
            }
        }
        write!(f, " \\\n  {}", shell_quote(&self.program))?;
        for arg in &self.args {
            write!(f, " \\\n    {}", shell_quote(arg))?;
        }
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let starts = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
