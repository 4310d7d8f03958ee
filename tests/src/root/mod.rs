//! A copy of an image package's root, calls of the program in it, and what is in it.

pub mod modules;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::lab::{self, ImageRoot, LabKernel};
use crate::run::{self, Output};

/// The longest time of one call on an idle machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The suffixes that a module can have.
const SUFFIXES: &[&str] = &["ko", "ko.gz", "ko.xz", "ko.zst"];

/// A root of a kernel's image package.
pub struct Root {
    scratch: PathBuf,
    program: PathBuf,
    /// The kernel of the root.
    pub kernel: LabKernel,
    image: ImageRoot,
    /// The root.
    pub root: PathBuf,
    /// How many folders were given to installs so far.
    outputs: Cell<u32>,
    /// The versions of installed files, by their bytes: unpacking takes time.
    known: RefCell<BTreeMap<(String, Vec<u8>), u32>>,
}

impl Root {
    /// A root for this kernel. It, and the files of its calls, are below `scratch`.
    ///
    /// # Errors
    /// As [`lab::image_root`]; if the files cannot be written.
    pub fn new(kernel: &LabKernel, scratch: &Path, program: &Path) -> Result<Root> {
        let image = lab::image_root(kernel)?;
        let root = scratch.join("root");
        image.copy_to(&root)?;
        let bin = scratch.join("bin");
        fs::create_dir(&bin).map_err(|error| format!("{}: {error}", bin.display()))?;
        let root = Root {
            scratch: scratch.to_owned(),
            program: program.to_owned(),
            kernel: kernel.clone(),
            image,
            root,
            outputs: Cell::new(0),
            known: RefCell::default(),
        };
        // The program finds the depmod of the root's own Debian.
        let depmod = root.image.kmod.command("depmod");
        let words = std::iter::once(depmod.get_program()).chain(depmod.get_args());
        let line: Vec<_> = words
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        let script = format!(
            "#!/bin/sh\necho \"$*\" >> '{}'\nexec {} \"$@\"\n",
            root.depmods().display(),
            line.join(" ")
        );
        executable(&bin.join("depmod"), &script)?;
        Ok(root)
    }

    /// The program.
    pub fn path(&self) -> &Path {
        &self.program
    }

    /// A folder for the files of a test.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// The folder with the programs that come before the system's.
    pub fn bin(&self) -> PathBuf {
        self.scratch.join("bin")
    }

    /// The folder of the root's modules.
    pub fn modules(&self) -> PathBuf {
        self.root.join("lib/modules").join(&self.kernel.release)
    }

    /// A verb of the program on this root.
    pub fn program(&self, verb: &str) -> Command {
        self.program_in(&self.root, verb)
    }

    fn program_in(&self, root: &Path, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .arg(verb)
            .arg("--root")
            .arg(root)
            .env("PATH", format!("{}:{path}", self.bin().display()));
        command
    }

    /// Installs modules in the versions given.
    ///
    /// # Errors
    /// As [`modules::write`].
    pub fn install(&self, modules: &[(&str, u32)]) -> Result<Command> {
        self.install_into(&self.root, modules)
    }

    /// As [`install`](Root::install), into another root.
    ///
    /// # Errors
    /// As [`modules::write`].
    pub fn install_into(&self, root: &Path, modules: &[(&str, u32)]) -> Result<Command> {
        let number = self.outputs.get();
        self.outputs.set(number + 1);
        let folder = self.scratch.join(format!("out-{number}"));
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut command = self.program_in(root, "install");
        for (name, version) in modules {
            command.arg(modules::write(&folder, &self.kernel, name, *version)?);
        }
        Ok(command)
    }

    /// Uninstalls modules.
    pub fn uninstall(&self, names: &[&str]) -> Command {
        let mut command = self.program("uninstall");
        command.args(names);
        command
    }

    /// The file of a module in `updates/`: ours or another.
    pub fn installed(&self, name: &str) -> Option<PathBuf> {
        let updates = self.modules().join("updates");
        let mut paths = SUFFIXES
            .iter()
            .map(|suffix| updates.join(format!("{name}.{suffix}")));
        paths.find(|path| path.exists())
    }

    /// The version of a module that is installed.
    ///
    /// # Errors
    /// If it is not whole.
    pub fn version(&self, name: &str) -> Result<Option<u32>> {
        let Some(path) = self.installed(name) else {
            return Ok(None);
        };
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file = (name.to_owned(), bytes);
        if let Some(version) = self.known.borrow().get(&file) {
            return Ok(Some(*version));
        }
        let whole = unpacked(&path).ok();
        let version = match whole {
            Some(bytes) => modules::version_of(&self.kernel, name, &bytes)?,
            None => None,
        };
        let version = version.ok_or_else(|| format!("{} is not whole", path.display()))?;
        self.known.borrow_mut().insert(file, version);
        Ok(Some(version))
    }

    /// Checks that modules.dep has the installed file for the module; if it is not installed, the
    /// kernel's own or none.
    ///
    /// # Errors
    /// If it has another one.
    pub fn is_chosen(&self, name: &str) -> Result<()> {
        let chosen = self.chosen(name)?;
        let is_right = match self.installed(name) {
            Some(path) => {
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                chosen == Some(format!("updates/{file}"))
            }
            None => match &chosen {
                Some(path) => path.starts_with("kernel/") && modules::IN_TREE.contains(&name),
                None => !modules::IN_TREE.contains(&name),
            },
        };
        match is_right {
            true => Ok(()),
            false => Err(format!("modules.dep has {chosen:?} for {name}")),
        }
    }

    /// The modules in the journal, with their states.
    ///
    /// # Errors
    /// If `status` fails.
    pub fn journal(&self) -> Result<Vec<(String, String)>> {
        let mut status = self.program("status");
        let output = run::checked(status.args(["--message-format", "json"]), LIMIT)?;
        let mut modules = Vec::new();
        for line in output.out().lines() {
            let object: serde_json::Value =
                serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
            if object["reason"] == "installed-module" {
                let word = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
                modules.push((word("name"), word("state")));
            }
        }
        modules.sort();
        Ok(modules)
    }

    /// Temporary files of a call: none may stay behind.
    pub fn left_over(&self) -> Vec<String> {
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
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
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
        self.scratch.join("depmods")
    }

    /// How often depmod was started so far.
    pub fn depmod_starts(&self) -> usize {
        let text = fs::read_to_string(self.depmods()).unwrap_or_default();
        text.lines().count()
    }

    /// The path in modules.dep of a module, below the folder of modules.
    ///
    /// # Errors
    /// If modules.dep is missing.
    pub fn chosen(&self, name: &str) -> Result<Option<String>> {
        let path = self.modules().join("modules.dep");
        let index =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut paths = index
            .lines()
            .filter_map(|line| Some(line.split_once(':')?.0));
        Ok(paths
            .find(|path| module_name(path) == name)
            .map(str::to_owned))
    }

    /// Runs depmod by hand, as the root's own system does.
    ///
    /// # Errors
    /// If it fails.
    pub fn depmod(&self) -> Result<Output> {
        let mut depmod = self.image.kmod.command("depmod");
        depmod.arg("-b").arg(&self.root).arg("-C");
        depmod.arg(self.root.join("etc/depmod.d"));
        run::checked(depmod.arg(&self.kernel.release), LIMIT)
    }
}

/// The name of the module in a file of modules.dep.
pub fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
}

/// The bytes of a module file, without its compression.
///
/// # Errors
/// If it cannot be unpacked.
pub fn unpacked(path: &Path) -> Result<Vec<u8>> {
    let suffix = path.extension().unwrap_or_default();
    let program = match suffix.to_str() {
        Some("xz") => "xz",
        Some("gz") => "gzip",
        Some("zst") => "zstd",
        _ => return fs::read(path).map_err(|error| format!("{}: {error}", path.display())),
    };
    let mut command = Command::new(program);
    Ok(run::checked(command.arg("-dc").arg(path), LIMIT)?.stdout)
}

/// Writes a program.
///
/// # Errors
/// If it cannot be written.
pub fn executable(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .map_err(|error| format!("{}: {error}", path.display()))
}
