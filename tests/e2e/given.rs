//! Trees that others wrote, in each way in which somebody may have them: the modules are those of
//! plain make, the tree stays as it is, and a second build starts nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{plain, run, scope};
use tempfile::TempDir;

use crate::scene::{compiled, kernel_at};
use crate::support::*;

/// A package's sources in a folder of their own, and what plain make builds of a copy of them.
struct Given {
    kernel: LabKernel,
    scratch: TempDir,
    source: PathBuf,
    plain: BTreeMap<String, Vec<u8>>,
}

impl Given {
    fn new(kernel: &LabKernel, package: &str, name: &str) -> Given {
        let scratch = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(scratch.path()).unwrap();
        let (source, copied) = (dir.join(name), dir.join("copy"));
        let package = lab::source_for(package, kernel).unwrap();
        for to in [&source, &copied] {
            copy(&package, to);
        }
        // In a file of flags: a shell takes a path with blanks apart.
        let flags = dir.join("flags");
        let (from, to) = (copied.display(), source.display());
        fs::write(&flags, format!("\"-ffile-prefix-map={from}={to}\"\n")).unwrap();
        let flags = format!("@{}", flags.display());
        let mut make = plain::make(kernel, &copied, &copied, &copied);
        make.env("KCFLAGS", &flags).env("KAFLAGS", &flags);
        run::checked(make.arg("modules"), LIMIT).unwrap();
        Given {
            kernel: kernel.clone(),
            plain: modules(&copied),
            scratch,
            source,
        }
    }

    /// The call that builds what `path`, read in the scratch folder, leads to.
    fn command(&self, path: &Path, out: &Path) -> Command {
        let mut command = build(&self.kernel, out);
        command.arg(path).current_dir(self.scratch.path());
        command
    }

    /// Builds twice and compares; gives the objects that were compiled.
    fn builds_as_plain(&self, path: &Path, out: &Path) -> Vec<String> {
        self.runs_as_plain(&mut self.command(path, out), out)
    }

    fn runs_as_plain(&self, command: &mut Command, out: &Path) -> Vec<String> {
        let before = Snapshot::take_with_content(&self.source).unwrap();
        let output = built(command);
        let again = built(command);
        let now = Snapshot::take_with_content(&self.source).unwrap();
        assert_eq!(before.differences(&now), Vec::<String>::new());
        let what = format!("{command:?}");
        assert_same_modules(&modules(out), &self.plain, &what);
        assert!(!started_make(&again), "{what}: {}", again.err());
        compiled(&output)
    }
}

fn given(package: &str, name: &str) -> Vec<Given> {
    let kernels = scope::kernels(0).unwrap();
    let all = kernels
        .iter()
        .map(|kernel| Given::new(kernel, package, name));
    all.collect()
}

#[test]
fn a_checkout_builds_as_with_plain_make_by_whatever_path_and_git_notices_nothing() {
    for given in given("acpi-call-dkms", "a tree of others") {
        let git = |script: &str| {
            let mut sh = Command::new("sh");
            sh.args(["-ec", script]).current_dir(&given.source);
            sh.env("GIT_CONFIG_GLOBAL", "/dev/null");
            run::checked(&mut sh, LIMIT).unwrap().out()
        };
        git(
            "git init -q ../repository && mv ./* ../repository && cd ../repository && git add -A \
             && git -c user.name=a -c user.email=a@b commit -qm one \
             && git clone -q . '../a tree of others' && git -C '../a tree of others' status",
        );
        symlink("a tree of others", given.scratch.path().join("link")).unwrap();
        // One tree, whichever leads there first.
        let relative = Path::new("copy/../a tree of others");
        let mut paths = [relative, Path::new("link"), &given.source];
        let turns = if scope::is_full() { paths.len() } else { 1 };
        for _ in 0..turns {
            let out = tempfile::tempdir().unwrap();
            let objects = given.builds_as_plain(paths[0], out.path());
            assert_eq!(objects, ["acpi_call.o"], "{paths:?}");
            for other in &paths[1..] {
                let again = given.builds_as_plain(other, out.path());
                assert!(again.is_empty(), "{other:?} after {:?}", paths[0]);
            }
            paths.rotate_left(1);
        }
        assert_eq!(git("git status --porcelain"), "");

        let out = tempfile::tempdir().unwrap();
        let command = given.command(&given.source, out.path());
        match read_only_can_be(&given.source) {
            Err(why) => println!("not run: {why}"),
            Ok(()) => {
                given.runs_as_plain(&mut read_only(&given.source, &command), out.path());
            }
        }
    }
}

/// It takes root, and root of a container may lack the right.
fn read_only_can_be(dir: &Path) -> kbuild_tests::Result<()> {
    run::checked(&mut read_only(dir, &Command::new("true")), LIMIT).map(drop)
}

/// Shows a folder to a command read-only, and to nobody else.
const READ_ONLY: &str = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" \
                         && ! touch \"$0/probe\" 2>/dev/null && exec \"$@\"";

fn read_only(dir: &Path, command: &Command) -> Command {
    let mut namespace = Command::new("unshare");
    namespace
        .args(["--mount", "sh", "-c", READ_ONLY])
        .arg(dir)
        .arg(command.get_program())
        .args(command.get_args());
    namespace
}

#[test]
fn nothing_of_a_build_in_place_is_used_or_carried_over() {
    for given in given("rapiddisk-dkms", "tree") {
        const OBJECTS: [&str; 2] = ["rapiddisk-cache.o", "rapiddisk.o"];
        let before = scope::is_full().then(|| tempfile::tempdir().unwrap());
        if let Some(out) = &before {
            given.builds_as_plain(&given.source, out.path());
        }
        // For another kernel: whatever is used of it shows.
        let oldest = kernel_at(0);
        let is_oldest = given.kernel.name == oldest.name;
        let other = if is_oldest { kernel_at(1) } else { oldest };
        let in_place = |target: &str| {
            let mut make = other.plain_make(&given.source);
            run::checked(make.arg(target), LIMIT).unwrap();
        };
        in_place("modules");
        assert!(given.source.join("rapiddisk.ko").exists());
        if let Some(out) = &before {
            let again = built(&mut given.command(&given.source, out.path()));
            assert!(!started_make(&again), "{}", again.err());
        }
        let anew = tempfile::tempdir().unwrap();
        let objects = given.builds_as_plain(&given.source, anew.path());
        assert_eq!(objects, OBJECTS, "on top of a build in place");
        in_place("clean");
        for out in before.iter().chain([&anew]) {
            let objects = given.builds_as_plain(&given.source, out.path());
            assert!(objects.is_empty(), "after `make clean`: {objects:?}");
        }
    }
}
