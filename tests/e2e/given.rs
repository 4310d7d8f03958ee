//! Trees of other authors, in each form in which users have them: the modules are those of plain
//! make, the tree stays as it is, and a second build starts nothing.

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

/// A package's sources in a folder of their own, and plain make's modules of a copy.
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
        // The flags are in a file, because a shell splits a path at blanks.
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

    /// The call that builds the tree at `path`, which is relative to the scratch folder.
    fn command(&self, path: &Path, out: &Path) -> Command {
        let mut command = build(&self.kernel, out);
        command.arg(path).current_dir(self.scratch.path());
        command
    }

    /// Builds twice and compares; returns the compiled objects.
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

#[test]
fn a_tree_of_another_author_builds_as_with_plain_make_in_every_form() {
    let mut packages = vec![("acpi-call-dkms", &["acpi_call.o"][..])];
    if scope::is_full() {
        packages.push(("rapiddisk-dkms", &["rapiddisk-cache.o", "rapiddisk.o"]));
    }
    for kernel in scope::kernels(0).unwrap() {
        for (package, objects) in &packages {
            let given = Given::new(&kernel, package, "a tree of others");
            let out = given.is_one_checkout_by_any_path(objects);
            // It needs root, and root in a container may lack the right.
            if let Err(why) = given.is_read_only_and_was_built_in_place(objects, out.path()) {
                println!("not run: on a read-only mount: {why}");
            }
        }
    }
}

impl Given {
    /// git does not notice the builds, and the builder does not notice the path.
    fn is_one_checkout_by_any_path(&self, objects: &[&str]) -> TempDir {
        let git = |script: &str| {
            let mut sh = Command::new("sh");
            sh.args(["-ec", script]).current_dir(&self.source);
            sh.env("GIT_CONFIG_GLOBAL", "/dev/null");
            leave_git(&mut sh);
            run::checked(&mut sh, LIMIT).unwrap().out()
        };
        git(
            "git init -q ../repository && mv ./* ../repository && cd ../repository && git add -A \
             && git -c user.name=a -c user.email=a@b commit -qm one \
             && git clone -q . '../a tree of others' && git -C '../a tree of others' status",
        );
        symlink("a tree of others", self.scratch.path().join("link")).unwrap();
        let out = tempfile::tempdir().unwrap();
        let relative = Path::new("copy/../a tree of others");
        let compiled = self.builds_as_plain(relative, out.path());
        assert_eq!(compiled, objects, "{relative:?}");
        for path in [Path::new("link"), &self.source] {
            let compiled = self.builds_as_plain(path, out.path());
            assert!(compiled.is_empty(), "{path:?} after {relative:?}");
        }
        assert_eq!(git("git status --porcelain"), "");
        out
    }

    /// Nothing from a build in place is used or carried over. The error is the reason why the tree
    /// was not read-only.
    fn is_read_only_and_was_built_in_place(
        &self,
        objects: &[&str],
        out: &Path,
    ) -> kbuild_tests::Result<()> {
        // The other build is for another kernel, so that a used file shows.
        let oldest = kernel_at(0);
        let is_oldest = self.kernel.name == oldest.name;
        let other = if is_oldest { kernel_at(1) } else { oldest };
        // make by hand needs a path without blanks.
        let link = self.scratch.path().join("link");
        let in_place = |target: &str| {
            let mut make = other.plain_make(&link);
            run::checked(make.arg(target), LIMIT).unwrap();
        };
        in_place("modules");
        assert_eq!(modules(&self.source).len(), objects.len());
        let again = built(&mut self.command(&self.source, out));
        assert!(!started_make(&again), "{}", again.err());

        let anew = tempfile::tempdir().unwrap();
        let mut command = self.command(&link, anew.path());
        let mut probe = read_only(&self.source, &Command::new("true"));
        let possible = run::checked(&mut probe, LIMIT).map(drop);
        if possible.is_ok() {
            command = read_only(&self.source, &command);
        }
        let compiled = self.runs_as_plain(&mut command, anew.path());
        assert_eq!(compiled, objects, "on top of a build in place");
        in_place("clean");
        for out in [out, anew.path()] {
            let compiled = self.builds_as_plain(&self.source, out);
            assert!(compiled.is_empty(), "after `make clean`: {compiled:?}");
        }
        possible
    }
}

/// Makes a folder read-only for one command.
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
