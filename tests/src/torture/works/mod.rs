//! The calls that torture disturbs: before, during and after them.

mod files;
mod products;
mod rooted;
mod tree;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::{Ground, Setup, call};
use crate::run::Output;
use crate::{Result, lab};
use files::Files;
use products::Products;
use rooted::Rooted;
use tree::Tree;
pub(super) use tree::{set_variant, write_sources};

/// A call that is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Build,
    Install,
    Edit,
    Upgrade,
    Sign,
    Uninstall,
    Clean,
    Rollback,
    Package,
    Kernels,
}

impl Deed {
    /// All, those of one kind never in a row.
    pub(super) const ALL: &[Deed] = &[
        Deed::Build,
        Deed::Install,
        Deed::Edit,
        Deed::Upgrade,
        Deed::Sign,
        Deed::Uninstall,
        Deed::Clean,
        Deed::Rollback,
        Deed::Package,
        Deed::Kernels,
    ];

    /// Whether it changes a root.
    pub(super) fn is_rooted(self) -> bool {
        use Deed::{Install, Rollback, Uninstall, Upgrade};
        matches!(self, Install | Upgrade | Uninstall | Rollback)
    }

    /// Whether make runs.
    pub(super) fn has_make(self) -> bool {
        matches!(self, Deed::Build | Deed::Edit | Deed::Kernels)
    }
}

/// One deed in a folder of its own, with all that it needs.
pub(super) trait Work {
    /// The call.
    fn command(&self) -> Result<Command>;

    /// Whether the call has nothing more to do, and may say so with an error.
    fn is_done(&self) -> bool {
        false
    }

    /// After any end of the call: nothing is half-written under its real name.
    fn is_whole(&self) -> Result<()>;

    /// The next call has everything that it needs: it succeeds and gives the right result, and nothing
    /// is left over.
    fn next(&mut self) -> Result<()>;
}

/// What all works share.
pub(super) struct Works {
    ground: Ground,
    /// The other kernel of a build for several.
    other: Ground,
    /// The kernel of the roots.
    pub(super) rooted: Ground,
    scratch: TempDir,
    /// Right products, by what is built and from which variant of the sources.
    right: RefCell<BTreeMap<(Deed, usize), Products>>,
    /// The time of a call that is not disturbed.
    usual: RefCell<BTreeMap<Deed, Duration>>,
}

/// The kernels of the builds: one compiler builds for both, and make takes little time.
const KERNELS: [&str; 2] = ["6.1", "6.12"];

impl Works {
    pub(super) fn new(setup: &Setup) -> Result<Works> {
        let scratch = TempDir::with_prefix("torture-works-").map_err(|e| e.to_string())?;
        let [name, other] = KERNELS;
        let works = Works {
            ground: Ground::new(setup, name)?,
            other: Ground::new(setup, other)?,
            rooted: Ground::new(setup, lab::ROOT)?,
            scratch,
            right: RefCell::default(),
            usual: RefCell::default(),
        };
        write_sources(&works.source())?;
        works.make_key()?;
        Ok(works)
    }

    /// Prepares a deed below the folder, which exists. As another user if there is one.
    pub(super) fn begin(&self, deed: Deed, folder: &Path) -> Result<Box<dyn Work + '_>> {
        Ok(match deed {
            Deed::Build | Deed::Edit | Deed::Kernels | Deed::Clean => {
                Box::new(Tree::begin(self, deed, folder)?)
            }
            Deed::Sign | Deed::Package => Box::new(Files::begin(self, deed, folder)?),
            deed => Box::new(Rooted::begin(self, deed, folder)?),
        })
    }

    /// A build of the sources for one kernel, with its output directory below the folder. It takes
    /// its jobs from a pool in the scratch folder, or from whatever it is handed.
    pub(super) fn build(&self, folder: &Path, has_pool: bool) -> Result<Command> {
        let (out, home) = (folder.join("out"), folder.join("home"));
        let mut command = self.ground.build(&out, &home)?;
        command.arg(self.source()).env_remove("MAKEFLAGS");
        if has_pool {
            command.args(["-j", "3", "--pool-dir"]);
            command.arg(self.scratch.path().join("pool"));
        }
        Ok(command)
    }

    /// Removes the outputs of such a build.
    pub(super) fn clean(&self, folder: &Path) -> Result<Command> {
        let mut command = self.ground.program("clean", &folder.join("home"))?;
        command.arg("--out-dir").arg(folder.join("out"));
        Ok(command)
    }

    /// About the time of the deed if nothing disturbs it: as long as the last one took.
    pub(super) fn usual(&self, deed: Deed) -> Duration {
        let alike = match deed {
            Deed::Edit => Deed::Build,
            Deed::Upgrade | Deed::Uninstall | Deed::Rollback => Deed::Install,
            deed => deed,
        };
        let usual = self.usual.borrow().get(&alike).copied();
        usual.unwrap_or(Duration::from_millis(100))
    }

    /// Runs a call that must succeed, and remembers its time.
    fn timed(&self, deed: Deed, command: &mut Command) -> Result<Output> {
        let output = done(command)?;
        self.usual.borrow_mut().insert(deed, output.elapsed);
        Ok(output)
    }

    fn new_folder(&self) -> Result<TempDir> {
        TempDir::with_prefix_in("undisturbed-", self.scratch.path()).map_err(|e| e.to_string())
    }

    /// The module tree of all builds: its path is in the modules' debug information.
    pub(super) fn source(&self) -> PathBuf {
        self.scratch.path().join("source")
    }

    /// The key with its certificate.
    fn key(&self) -> PathBuf {
        self.scratch.path().join("key.pem")
    }

    fn make_key(&self) -> Result<()> {
        let mut openssl = Command::new("openssl");
        openssl
            .args(["req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes"])
            .args(["-days", "3650", "-subj", "/CN=torture", "-keyout"])
            .arg(self.key())
            .arg("-out")
            .arg(self.scratch.path().join("certificate.pem"));
        crate::run::checked(&mut openssl, super::LIMIT).map(drop)
    }

    /// The products of an undisturbed run.
    fn right(
        &self,
        deed: Deed,
        variant: usize,
        make: impl FnOnce(&Path) -> Result<Products>,
    ) -> Result<Products> {
        if let Some(right) = self.right.borrow().get(&(deed, variant)) {
            return Ok(right.clone());
        }
        let folder = self.new_folder()?;
        let right = make(folder.path())?;
        self.right
            .borrow_mut()
            .insert((deed, variant), right.clone());
        Ok(right)
    }
}

/// A call that must succeed.
pub(super) fn done(command: &mut Command) -> Result<Output> {
    let output = call(command)?;
    if !output.status.success() {
        return Err(format!(
            "a call that nothing disturbed failed\n{command:?}\n{}",
            output.err()
        ));
    }
    Ok(output)
}

/// Makes a folder.
fn folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The command behind other words, with its environment and its folder.
pub(super) fn in_front(words: &[&str], call: &Command) -> Command {
    let mut command = Command::new(words.first().unwrap_or(&"env"));
    for (name, value) in call.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .args(words.iter().skip(1))
        .arg(call.get_program())
        .args(call.get_args());
    if let Some(folder) = call.get_current_dir() {
        command.current_dir(folder);
    }
    command
}
