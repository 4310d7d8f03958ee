//! A copy of an image package's root, and calls of the program in it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild_tests::expected;
use kbuild_tests::lab::{self, ImageRoot, LabKernel};
use kbuild_tests::run::{self, Output};
use tempfile::TempDir;

use crate::guest::executable;
use crate::modules;

/// The longest time of one call on an idle machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The kernel of the tests that need only one.
pub(crate) const KERNEL: &str = lab::ROOT;

/// The suffixes that a module can have.
const SUFFIXES: &[&str] = &["ko", "ko.gz", "ko.xz", "ko.zst"];

/// A root of a kernel's image package, for one test.
pub(crate) struct World {
    scratch: TempDir,
    pub(crate) kernel: LabKernel,
    image: ImageRoot,
    /// The root.
    pub(crate) root: PathBuf,
    /// How many folders were given to installs so far.
    outputs: Cell<u32>,
    /// The versions of installed files, by their bytes: unpacking takes time.
    known: RefCell<BTreeMap<(String, Vec<u8>), u32>>,
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
        let image = lab::image_root(&kernel).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        image.copy_to(&root).unwrap();
        let bin = scratch.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let world = World {
            scratch,
            kernel,
            image,
            root,
            outputs: Cell::new(0),
            known: RefCell::default(),
        };
        // The program finds the depmod of the root's own Debian.
        let depmod = world.image.kmod.command("depmod");
        let words = std::iter::once(depmod.get_program()).chain(depmod.get_args());
        let line: Vec<_> = words
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        let script = format!(
            "#!/bin/sh\necho \"$*\" >> '{}'\nexec {} \"$@\"\n",
            world.depmods().display(),
            line.join(" ")
        );
        executable(&bin.join("depmod"), &script);
        world
    }

    /// A folder for the files of a test.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The folder with the programs that come before the system's.
    pub(crate) fn bin(&self) -> PathBuf {
        self.scratch.path().join("bin")
    }

    /// The folder of the root's modules.
    pub(crate) fn modules(&self) -> PathBuf {
        self.root.join("lib/modules").join(&self.kernel.release)
    }

    /// A verb of the program on this root.
    pub(crate) fn program(&self, verb: &str) -> Command {
        self.program_in(&self.root, verb)
    }

    fn program_in(&self, root: &Path, verb: &str) -> Command {
        let mut command = Command::new(kbuild_tests::program::path().unwrap());
        let path = std::env::var("PATH").unwrap();
        let bin = self.scratch.path().join("bin");
        command
            .arg(verb)
            .arg("--root")
            .arg(root)
            .env("PATH", format!("{}:{path}", bin.display()));
        command
    }

    /// Installs modules in the versions given.
    pub(crate) fn install(&self, modules: &[(&str, u32)]) -> Command {
        self.install_into(&self.root, modules)
    }

    /// As [`install`](World::install), into another root.
    pub(crate) fn install_into(&self, root: &Path, modules: &[(&str, u32)]) -> Command {
        let number = self.outputs.get();
        self.outputs.set(number + 1);
        let folder = self.scratch.path().join(format!("out-{number}"));
        fs::create_dir(&folder).unwrap();
        let mut command = self.program_in(root, "install");
        for (name, version) in modules {
            command.arg(modules::write(&folder, &self.kernel, name, *version));
        }
        command
    }

    /// Uninstalls modules.
    pub(crate) fn uninstall(&self, names: &[&str]) -> Command {
        let mut command = self.program("uninstall");
        command.args(names);
        command
    }

    /// The file of a module in `updates/`: ours or another.
    pub(crate) fn installed(&self, name: &str) -> Option<PathBuf> {
        let updates = self.modules().join("updates");
        let mut paths = SUFFIXES
            .iter()
            .map(|suffix| updates.join(format!("{name}.{suffix}")));
        paths.find(|path| path.exists())
    }

    /// The version of a module that is installed; it has to be whole.
    pub(crate) fn version(&self, name: &str) -> Option<u32> {
        self.version_or(name, "")
    }

    /// As [`version`](World::version); `what` says when.
    pub(crate) fn version_or(&self, name: &str, what: &str) -> Option<u32> {
        let path = self.installed(name)?;
        let file = (name.to_owned(), fs::read(&path).unwrap());
        if let Some(version) = self.known.borrow().get(&file) {
            return Some(*version);
        }
        let version = modules::version_of(&self.kernel, name, &unpacked(&path));
        assert!(version.is_some(), "{what}: {} is not whole", path.display());
        self.known.borrow_mut().insert(file, version?);
        version
    }

    /// modules.dep has the installed file for the module; if it is not installed, the kernel's own or
    /// none.
    pub(crate) fn is_chosen(&self, name: &str, what: &str) {
        let chosen = self.chosen(name);
        match self.installed(name) {
            Some(path) => {
                let file = path.file_name().unwrap().to_string_lossy().into_owned();
                assert_eq!(chosen, Some(format!("updates/{file}")), "{what}");
            }
            None => {
                let is_own = chosen
                    .as_ref()
                    .is_none_or(|path| path.starts_with("kernel/"));
                assert!(is_own, "{what}: {name} is {chosen:?}");
                let expected = modules::IN_TREE.contains(&name);
                assert_eq!(chosen.is_some(), expected, "{what}: {name}");
            }
        }
    }

    /// The modules in the journal, with their states.
    pub(crate) fn journal(&self) -> Vec<(String, String)> {
        let mut status = self.program("status");
        let output = done(status.args(["--message-format", "json"]));
        let mut modules = Vec::new();
        for line in output.out().lines() {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            if object["reason"] == "installed-module" {
                let word = |key: &str| object[key].as_str().unwrap().to_owned();
                modules.push((word("name"), word("state")));
            }
        }
        modules.sort();
        modules
    }

    /// Temporary files of a call: none may stay behind.
    pub(crate) fn left_over(&self) -> Vec<String> {
        let mut found = Vec::new();
        let journal = self.root.join("var/lib/kbuild-rs");
        let mut folders = vec![
            self.modules(),
            self.root.join("etc/depmod.d"),
            journal.clone(),
        ];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                // The journal has a hidden file that stays.
                let is_hidden = name.starts_with('.') && !folder.starts_with(&journal);
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if is_hidden || name.ends_with(".part") || name.contains("pending") {
                    found.push(entry.path().display().to_string());
                }
            }
        }
        found
    }

    /// A file with a line for each start of depmod.
    fn depmods(&self) -> PathBuf {
        self.scratch.path().join("depmods")
    }

    /// How often depmod was started so far.
    pub(crate) fn depmod_starts(&self) -> usize {
        let text = fs::read_to_string(self.depmods()).unwrap_or_default();
        text.lines().count()
    }

    /// The path in modules.dep of a module, below the folder of modules.
    pub(crate) fn chosen(&self, name: &str) -> Option<String> {
        let index = fs::read_to_string(self.modules().join("modules.dep")).unwrap();
        let mut paths = index
            .lines()
            .filter_map(|line| Some(line.split_once(':')?.0));
        let found = paths.find(|path| module_name(path) == name)?;
        Some(found.to_owned())
    }

    /// Runs depmod by hand, as the root's own system does.
    pub(crate) fn depmod(&self) {
        let mut depmod = self.image.kmod.command("depmod");
        depmod.arg("-b").arg(&self.root).arg("-C");
        depmod.arg(self.root.join("etc/depmod.d"));
        run::checked(depmod.arg(&self.kernel.release), LIMIT).unwrap();
    }
}

/// The name of the module in a file of modules.dep.
pub(crate) fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap();
    file.split(".ko").next().unwrap().replace('-', "_")
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
    let program = match path.extension().unwrap().to_str().unwrap() {
        "xz" => "xz",
        "gz" => "gzip",
        "zst" => "zstd",
        _ => return fs::read(path).unwrap(),
    };
    let mut command = Command::new(program);
    done(command.arg("-dc").arg(path)).stdout
}
