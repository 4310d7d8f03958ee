//! A source folder and an output directory that a test changes and builds repeatedly.

use std::collections::BTreeMap;
use std::fs::{self, FileTimes};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::run::{self, Output};
use kbuild_tests::scope;
use tempfile::TempDir;

use crate::support::kernel_tree::move_makefile;
use crate::support::*;

/// A kernel of the lab by its index; there is at least one.
pub(crate) fn kernel_at(number: usize) -> LabKernel {
    let names = lab::names();
    lab::kernel(names[number % names.len()]).unwrap()
}

/// The newest kernel of the lab.
pub(crate) fn newest_kernel() -> LabKernel {
    lab::kernel(lab::names().last().unwrap()).unwrap()
}

/// The two kernels with all differences between them; all kernels in the full run.
pub(crate) fn oldest_and_newest() -> Vec<LabKernel> {
    scope::oldest_and_newest().unwrap()
}

/// A change: its name, the objects that it compiles, and the function that makes it.
pub(crate) type Change<'a> = (&'a str, &'a [&'a str], &'a dyn Fn());

/// Sources, an output directory, and the arguments of the build.
pub(crate) struct Scene {
    pub(crate) kernel: LabKernel,
    pub(crate) source: TempDir,
    pub(crate) out: TempDir,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
}

impl Scene {
    /// A scene with a module tree.
    pub(crate) fn tree(kernel: &LabKernel, files: &[(&str, &str)]) -> Scene {
        Scene::with(kernel, files, &["."])
    }

    /// A scene of any kind. The arguments follow `kbuild-rs build` and are relative to the source
    /// folder.
    pub(crate) fn with(kernel: &LabKernel, files: &[(&str, &str)], args: &[&str]) -> Scene {
        Scene {
            kernel: kernel.clone(),
            source: folder(files),
            out: tempfile::tempdir().unwrap(),
            args: args.iter().map(|a| (*a).to_owned()).collect(),
            env: BTreeMap::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.source.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        write(self.source.path(), &[(name, text)]);
    }

    /// Replaces text in a file that contains it.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        edit(&self.path(name), from, to);
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// The command that builds into `out`.
    pub(crate) fn command_to(&self, out: &Path) -> Command {
        let mut command = build(&self.kernel, out);
        command
            .args(&self.args)
            .envs(&self.env)
            .current_dir(self.source.path());
        command
    }

    pub(crate) fn command(&self) -> Command {
        self.command_to(self.out.path())
    }

    /// Builds, which must succeed.
    pub(crate) fn build(&self) -> Output {
        built(&mut self.command())
    }

    /// The modules of a clean build of the same sources.
    pub(crate) fn clean_build(&self) -> BTreeMap<String, Vec<u8>> {
        let out = tempfile::tempdir().unwrap();
        built(&mut self.command_to(out.path()));
        modules(out.path())
    }

    /// Checks that the products are those of a clean build.
    pub(crate) fn is_as_clean(&self, what: &str) {
        let clean = self.clean_build();
        let what = format!("{what} on {}", self.kernel.release);
        assert_same_modules(&modules(self.out.path()), &clean, &what);
    }

    /// Builds on the present state, and checks that the products are those of a clean build.
    pub(crate) fn builds_as_clean(&self, what: &str) -> Output {
        let output = self.build();
        self.is_as_clean(what);
        output
    }

    /// As [`builds_as_clean`](Self::builds_as_clean), and checks that exactly these objects were
    /// compiled.
    pub(crate) fn compiles(&self, objects: &[&str], what: &str) -> Output {
        let output = self.builds_as_clean(what);
        assert_eq!(compiled(&output), objects, "{what}\n{}", output.err());
        output
    }

    /// As [`compiles`](Self::compiles), for a step of several. Only the full run compares with a
    /// clean build. After the last step, [`is_as_clean`](Self::is_as_clean) always does.
    pub(crate) fn recompiles(&self, objects: &[&str], what: &str) -> Output {
        if scope::is_full() {
            return self.compiles(objects, what);
        }
        let output = self.build();
        assert_eq!(compiled(&output), objects, "{what}\n{}", output.err());
        output
    }

    /// As [`recompiles`](Self::recompiles), for changes that do not hide each other. They are built
    /// at once, and in the full run one by one.
    pub(crate) fn all_recompile(&self, changes: &[Change<'_>]) {
        let at_once = if scope::is_full() { 1 } else { changes.len() };
        for changes in changes.chunks(at_once) {
            let mut objects = Vec::new();
            let mut all = Vec::new();
            for (what, compiled, change) in changes {
                change();
                objects.extend_from_slice(compiled);
                all.push(*what);
            }
            objects.sort_unstable();
            objects.dedup();
            self.recompiles(&objects, &all.join(", "));
        }
    }

    /// Builds on the present state, which must fail like a clean build; returns the output of both.
    pub(crate) fn fails_as_clean(&self, what: &str) -> (String, String) {
        let ours = refused(&mut self.command(), 1);
        let out = tempfile::tempdir().unwrap();
        let clean = run::run(&mut self.command_to(out.path()), LIMIT).unwrap();
        assert_eq!(clean.status.code(), Some(1), "{what}: {}", clean.err());
        (ours, clean.err())
    }

    /// Checks that a build without a change does not start make.
    pub(crate) fn is_fresh(&self, what: &str) {
        let output = self.build();
        assert!(!started_make(&output), "{what}: {}", output.err());
    }

    /// The staged copy of the only key.
    pub(crate) fn stage(&self) -> PathBuf {
        let mut keys: Vec<_> = fs::read_dir(self.out.path().join(".kbuild"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("stage").is_dir())
            .collect();
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys.remove(0).join("stage")
    }
}

/// Replaces text in a file that contains it.
pub(crate) fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} has no {from}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Gives a file an old mtime.
pub(crate) fn make_old(path: &Path) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(long_ago))
        .unwrap();
}

/// The sorted objects of sources that a build compiled (`a.o`; no `a.mod.o`).
pub(crate) fn compiled(output: &Output) -> Vec<String> {
    compiled_in(&output.err())
}

/// As [`compiled`], from make's own output.
pub(crate) fn compiled_in(said: &str) -> Vec<String> {
    let mut objects: Vec<String> = said
        .lines()
        .filter(|line| {
            ["  CC ", "  AS ", "  RUSTC "]
                .iter()
                .any(|s| line.starts_with(s))
        })
        .map(|line| line.rsplit(['/', ' ']).next().unwrap().to_owned())
        .filter(|object| !object.ends_with(".mod.o") && !object.starts_with('.'))
        .collect();
    objects.sort();
    objects
}

/// A program `name` that comes before all others, and the PATH that finds it.
pub(crate) fn program_in_front(name: &str, script: &str) -> (TempDir, String) {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder(&[(name, script)]);
    fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        dir.path().display(),
        std::env::var("PATH").unwrap()
    );
    (dir, path)
}

/// A private copy of a lab kernel's headers, which a test may change.
pub(crate) fn private_kernel(kernel: &LabKernel) -> (TempDir, LabKernel) {
    let dir = tempfile::tempdir().unwrap();
    let prefix = kernel.kdir.ancestors().nth(3).unwrap();
    copy(&prefix.join("usr"), dir.path());
    let moved = |path: &Path| dir.path().join(path.strip_prefix(prefix).unwrap());
    let private = LabKernel {
        common: moved(&kernel.common),
        kdir: moved(&kernel.kdir),
        ..kernel.clone()
    };
    move_makefile(kernel, &private, prefix, dir.path());
    (dir, private)
}
