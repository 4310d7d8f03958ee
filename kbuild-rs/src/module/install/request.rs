//! `Install`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::memory::Memory;
use super::opening::shared_files;
use super::places::folder;
use super::plan::{Options, Planner};
use super::read_back::kernel_name;
use super::report::InstallReport;
use super::scope::Scope;
use super::select::{Source, select_known};
use super::site::Site;
use super::staged::{self, Staging};
use super::transaction::How;
use super::{afterwards, closure, conflict, index, read_back};
use crate::Result;
use crate::module::finish::{Compression, Finish, Strip};
use crate::module::sign::{Signer, check_policy};
use crate::module::target::Target;

/// Installs built modules into a system or an image (feature `install`).
///
/// Each module gets to `lib/modules/<release>/updates/` of the root. A file takes its place in one
/// step; if anything fails, or the process is killed, the earlier state stays or comes back with the
/// next call. `depmod` runs once for each kernel, and `modules.dep` is read afterwards: each module
/// must be the one that `modprobe` loads.
///
/// ```no_run
/// # fn main() -> kbuild::Result<()> {
/// let report = kbuild::Install::new().input("kbuild-out").root("image").run(&|note| println!("{note}"))?;
/// for change in report.changes {
///     println!("{:?} {}", change.action, change.path.display());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Install {
    inputs: Vec<PathBuf>,
    scope: Scope,
    dir: PathBuf,
    replaces: bool,
    is_hard_link: bool,
    loads: bool,
    keeps_journal: bool,
    is_unsigned_allowed: bool,
    loads_now: bool,
    jobs: usize,
    strip: Option<Strip>,
    signer: Option<Signer>,
    compression: Option<Compression>,
    kernel_modules: Option<PathBuf>,
}

impl Default for Install {
    fn default() -> Self {
        Install::new()
    }
}

impl Install {
    /// An installation into the running system.
    pub fn new() -> Install {
        Install {
            inputs: Vec::new(),
            scope: Scope::default(),
            dir: PathBuf::new(),
            replaces: false,
            is_hard_link: false,
            loads: false,
            keeps_journal: true,
            is_unsigned_allowed: false,
            loads_now: false,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            strip: None,
            signer: None,
            compression: None,
            kernel_modules: None,
        }
    }

    /// Adds a `.ko` file, or a folder with such files.
    pub fn input(&mut self, path: impl Into<PathBuf>) -> &mut Install {
        self.inputs.push(path.into());
        self
    }

    /// Installs only for this release, or for the release of this kernel tree. Default: for the
    /// releases that the modules were built for.
    pub fn kernel(&mut self, release: impl Into<String>) -> &mut Install {
        self.scope.wanted.named.push(release.into());
        self
    }

    /// Installs for every kernel of the root for which a module was built.
    pub fn all_kernels(&mut self, yes: bool) -> &mut Install {
        self.scope.wanted.all = yes;
        self
    }

    /// The root of the system or image (`INSTALL_MOD_PATH`, `DESTDIR`). Default: `/`.
    pub fn root(&mut self, root: impl Into<PathBuf>) -> &mut Install {
        self.scope.root = root.into();
        self
    }

    /// A folder below `updates/` (`INSTALL_MOD_DIR`). With a slash at the front, a folder below
    /// `lib/modules/<release>/`: `/extra`.
    pub fn dir(&mut self, dir: impl Into<PathBuf>) -> &mut Install {
        self.dir = dir.into();
        self
    }

    /// Whether a file of somebody else's at the place of a module makes room. It is kept, and
    /// comes back when the module is uninstalled.
    pub fn replace(&mut self, yes: bool) -> &mut Install {
        self.replaces = yes;
        self
    }

    /// Whether an installed file may be the built file itself, under a second name. For images: a
    /// later build that writes to the file in place would change the installed one.
    pub fn hard_link(&mut self, yes: bool) -> &mut Install {
        self.is_hard_link = yes;
        self
    }

    /// Whether the modules are loaded at boot (`modules-load.d`).
    pub fn load(&mut self, yes: bool) -> &mut Install {
        self.loads = yes;
        self
    }

    /// Whether the modules are loaded after the installation, into the running kernel.
    pub fn modprobe(&mut self, yes: bool) -> &mut Install {
        self.loads_now = yes;
        self
    }

    /// Whether an initramfs that contains an earlier version of a module is built again. Default:
    /// the report says the command.
    pub fn initramfs(&mut self, yes: bool) -> &mut Install {
        self.scope.builds_initramfs = yes;
        self
    }

    /// Whether depmod runs. Default: yes, if the release has a `modules.dep`.
    pub fn depmod(&mut self, yes: bool) -> &mut Install {
        self.scope.runs_depmod = yes;
        self
    }

    /// Whether a journal is kept. Default: yes. Without one, the root is a folder that becomes a
    /// package: files of the modules' names are replaced. `/` and a root with a journal are refused.
    pub fn journal(&mut self, yes: bool) -> &mut Install {
        self.keeps_journal = yes;
        self
    }

    /// Strips the modules (`INSTALL_MOD_STRIP`).
    pub fn strip(&mut self, strip: Strip) -> &mut Install {
        self.strip = Some(strip);
        self
    }

    /// Signs the modules.
    pub fn sign(&mut self, signer: Signer) -> &mut Install {
        self.signer = Some(signer);
        self
    }

    /// Whether modules are installed that the kernel refuses for their signature.
    pub fn unsigned(&mut self, yes: bool) -> &mut Install {
        self.is_unsigned_allowed = yes;
        self
    }

    /// Compresses the modules. Default: as the kernel is configured.
    pub fn compression(&mut self, compression: Compression) -> &mut Install {
        self.compression = Some(compression);
        self
    }

    /// Also installs the modules of the kernel itself that these modules need and the root lacks, as
    /// images without the kernel's package do. `folder` is a root with `lib/modules/<release>`, such
    /// as an extracted package of the kernel. A module that is missing there is an error, and a note
    /// lists the modules that no package of the root contains.
    pub fn closure(&mut self, folder: impl Into<PathBuf>) -> &mut Install {
        self.kernel_modules = Some(folder.into());
        self
    }

    /// The number of modules that are finished at once. Default: the number of processors.
    pub fn jobs(&mut self, jobs: usize) -> &mut Install {
        self.jobs = jobs.max(1);
        self
    }

    /// Whether nothing is written: the report says what would be.
    pub fn dry_run(&mut self, yes: bool) -> &mut Install {
        self.scope.is_dry_run = yes;
        self
    }

    /// Installs. `say` gets what the user should know while it works.
    ///
    /// # Errors
    /// [`ErrorKind::NotOurs`](crate::ErrorKind::NotOurs) for a file in the way, [`ErrorKind::KernelNotFound`](crate::ErrorKind::KernelNotFound),
    /// [`ErrorKind::SourceNotFound`](crate::ErrorKind::SourceNotFound), [`ErrorKind::InvalidFile`](crate::ErrorKind::InvalidFile) for what is not a module, and
    /// [`ErrorKind::Io`](crate::ErrorKind::Io). The root is then as it was, except for releases before the one that the
    /// error names.
    pub fn run(&self, say: &dyn Fn(&str)) -> Result<InstallReport> {
        let missing = crate::sys::Root::missing(&self.scope.root);
        let report = self.change_root(say);
        report.inspect_err(|_| crate::sys::Root::unmake(&missing))
    }

    fn change_root(&self, say: &dyn Fn(&str)) -> Result<InstallReport> {
        let mut memory = Memory::of(&self.scope.root);
        let sources = select_known(&self.inputs, self.jobs, &memory)?;
        let options = self.options()?;
        self.check_new_root(&sources)?;
        let mut site = match self.keeps_journal {
            true => self.scope.open(true, say)?,
            false => staged::open(&self.scope.root, self.scope.is_dry_run, say)?,
        };
        let mut report = InstallReport::default();
        let jobs = self.decide(&site, &sources, &mut report.notes)?;
        for (release, finish) in &jobs {
            let sources = sources
                .iter()
                .filter(|source| source.facts.release == *release);
            let sources: Vec<Source> = sources.cloned().collect();
            let job = Job {
                options: &options,
                finish: Arc::clone(finish),
                release,
            };
            match self.keeps_journal {
                true => {
                    self.one(&mut site, &job, sources, &memory, &mut report)?;
                    if !self.scope.is_dry_run {
                        memory.keep(&site, release, self.jobs);
                    }
                }
                false => self.staging(&job).run(&site, sources, &mut report)?,
            }
        }
        if self.loads_now && !self.scope.is_dry_run {
            afterwards::load(&report.changes)?;
        }
        Ok(report)
    }

    /// The lock of a root without a journal makes folders. A refused call makes none.
    fn check_new_root(&self, sources: &[Source]) -> Result<()> {
        let root = &self.scope.root;
        if self.scope.is_dry_run || !self.keeps_journal || !root.exists() {
            return Ok(());
        }
        let site = Site::open(root)?;
        if site.state.is_some() {
            return Ok(());
        }
        conflict::allowed(site.check_writable(), root, true)?;
        self.decide(&site, sources, &mut Vec::new()).map(drop)
    }

    /// The releases, and the way to finish modules for each. Nothing is changed.
    fn decide(
        &self,
        site: &Site,
        sources: &[Source],
        notes: &mut Vec<String>,
    ) -> Result<Vec<(String, Arc<Finish>)>> {
        let releases = self.scope.wanted.choose(site, sources, notes)?;
        let now = (self.scope.builds_initramfs, self.loads_now);
        afterwards::check(site, &releases, now)?;
        let finished = |release: String| {
            let finish = self.finish(site, &release, sources, notes)?;
            Ok((release, Arc::new(finish)))
        };
        releases.into_iter().map(finished).collect()
    }

    fn options(&self) -> Result<Options> {
        Ok(Options {
            folder: folder(&self.dir)?,
            replaces: self.replaces,
            is_hard_link: self.is_hard_link,
            loads: self.loads,
            jobs: self.jobs,
        })
    }

    fn staging<'a>(&'a self, job: &'a Job<'_>) -> Staging<'a> {
        Staging {
            root: &self.scope.root,
            job,
            runs_depmod: self.scope.runs_depmod,
            is_dry_run: self.scope.is_dry_run,
        }
    }

    /// The way to finish modules for a release. Fails before any change if its kernel would refuse
    /// them.
    fn finish(
        &self,
        site: &Site,
        release: &str,
        sources: &[Source],
        notes: &mut Vec<String>,
    ) -> Result<Finish> {
        let target = match self.scope.wanted.tree(release)? {
            Some(tree) => Target::of_tree(&site.image, tree)?,
            None => Target::in_root(&site.image, release)?,
        };
        let mut built = sources
            .iter()
            .filter(|source| source.facts.release == release);
        // The signer of a signed module may have a key that this system does not show.
        let is_signed = self.signer.is_none() && built.all(|source| source.facts.is_signed);
        if !self.is_unsigned_allowed && !is_signed {
            let signer = self.signer.as_ref();
            let warning = check_policy(&target, site.is_running_system(), signer)?;
            notes.extend(warning.map(|warning| warning.text().to_owned()));
        }
        let of_kernel = || Compression::of(&target);
        Ok(Finish {
            strip: self.strip.clone(),
            signer: self.signer.clone(),
            compression: self.compression.unwrap_or_else(of_kernel),
            target,
        })
    }

    fn one(
        &self,
        site: &mut Site,
        job: &Job<'_>,
        sources: Vec<Source>,
        memory: &Memory,
        report: &mut InstallReport,
    ) -> Result<()> {
        let release = job.release;
        let journal = site.journal(release)?.map(|journal| journal.current);
        let shared = shared_files(site, release)?;
        let places = site.places(release)?;
        let planner = Planner {
            places: &places,
            options: job.options,
            finish: job.finish.clone(),
            shared: &shared,
            memory,
        };
        let names = sources.iter().map(|source| kernel_name(&source.name));
        let must: BTreeSet<String> = names.collect();
        let mut plan = planner.plan(&journal.unwrap_or_default(), sources.clone())?;
        if let Some(folder) = &self.kernel_modules {
            let remark = closure::add(&mut plan, (site, &places), &sources, folder)?;
            report.notes.extend(remark);
        }
        let has_index = index::is_there(&places)?;
        if self.scope.runs_depmod && !has_index {
            report.notes.push(index::is_missing(site, release));
        }
        let is_indexed = !self.scope.runs_depmod || !has_index || {
            let dep = index::dep(&places)?.unwrap_or_default();
            read_back::check(site, &places, &plan.draft.state, &dep, &must).is_ok()
        };
        report.changes.extend(plan.changes.iter().cloned());
        if plan.is_done() && is_indexed {
            return Ok(());
        }
        let how = How {
            jobs: self.jobs,
            must,
            shared: shared.into_keys().collect(),
            ..How::default()
        };
        let change = (release, &plan.from);
        self.scope.change(site, change, plan.draft, how, report)
    }
}

/// The work for one release.
pub(super) struct Job<'a> {
    pub(super) options: &'a Options,
    pub(super) finish: Arc<Finish>,
    pub(super) release: &'a str,
}
