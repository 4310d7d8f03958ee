//! A copy of an image package's root, and calls of the program in it.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;

use kbuild_tests::expected;
use kbuild_tests::lab;
use kbuild_tests::root::{self, Root};
pub(crate) use kbuild_tests::root::{LIMIT, module_name};
use kbuild_tests::run::Output;
use tempfile::TempDir;

/// The kernel of the tests that need only one.
pub(crate) const KERNEL: &str = lab::ROOT;

/// A root of a kernel's image package, for one test.
pub(crate) struct World {
    shared: Root,
    _scratch: TempDir,
}

impl Deref for World {
    type Target = Root;

    fn deref(&self) -> &Root {
        &self.shared
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Root {
        &mut self.shared
    }
}

impl World {
    /// A root of [`KERNEL`]. If the lab has none here, says so and gives none.
    #[allow(clippy::print_stdout, reason = "what did not run, and why")]
    pub(crate) fn here() -> Option<World> {
        let why = lab::why_not(KERNEL);
        if let Some(why) = &why {
            println!("not run: {why}");
        }
        why.is_none().then(|| World::new(KERNEL))
    }

    pub(crate) fn new(kernel: &str) -> World {
        let kernel = lab::kernel(kernel).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let program = kbuild_tests::program::path().unwrap();
        World {
            shared: Root::new(&kernel, scratch.path(), program).unwrap(),
            _scratch: scratch,
        }
    }

    /// Installs modules in the versions given.
    pub(crate) fn install(&self, modules: &[(&str, u32)]) -> Command {
        self.shared.install(modules).unwrap()
    }

    /// As [`install`](World::install), into another root.
    pub(crate) fn install_into(&self, root: &Path, modules: &[(&str, u32)]) -> Command {
        self.shared.install_into(root, modules).unwrap()
    }

    /// The version of a module that is installed; it has to be whole.
    pub(crate) fn version(&self, name: &str) -> Option<u32> {
        self.version_or(name, "")
    }

    /// As [`version`](World::version); `what` says when.
    pub(crate) fn version_or(&self, name: &str, what: &str) -> Option<u32> {
        let version = self.shared.version(name);
        version.unwrap_or_else(|problem| panic!("{what}: {problem}"))
    }

    /// modules.dep has the installed file for the module; if it is not installed, the kernel's own or
    /// none.
    pub(crate) fn is_chosen(&self, name: &str, what: &str) {
        let chosen = self.shared.is_chosen(name);
        chosen.unwrap_or_else(|problem| panic!("{what}: {problem}"));
    }

    /// The modules in the journal, with their states.
    pub(crate) fn journal(&self) -> Vec<(String, String)> {
        self.shared.journal().unwrap()
    }

    /// The path in modules.dep of a module, below the folder of modules.
    pub(crate) fn chosen(&self, name: &str) -> Option<String> {
        self.shared.chosen(name).unwrap()
    }

    /// Runs depmod by hand, as the root's own system does.
    pub(crate) fn depmod(&self) {
        self.shared.depmod().unwrap();
    }
}

/// Runs a call that must succeed.
pub(crate) fn done(command: &mut Command) -> Output {
    expected::success(command, LIMIT)
}

/// Runs a call that must fail with this exit code; returns its messages.
pub(crate) fn refused(command: &mut Command, code: i32) -> String {
    expected::failure(command, code, LIMIT)
}

/// The bytes of a module file, without its compression.
pub(crate) fn unpacked(path: &Path) -> Vec<u8> {
    root::unpacked(path).unwrap()
}
