//! The pool's size and place. The tests of jobs run many builds in it at once.

use std::fs;
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use tempfile::TempDir;

use crate::support::project::any_kernel;
use crate::support::recorder::Recorder;
use crate::support::*;

/// The number of objects in each module.
const PARTS: usize = 4;

/// A build tree with one process for each module.
struct Tree {
    kernel: LabKernel,
    recorder: Recorder,
    dir: TempDir,
}

impl Tree {
    fn new() -> Tree {
        let dir = folder(&[("part0.c", HELLO)]);
        for part in 1..PARTS {
            let text = format!("int part{part}(void);\nint part{part}(void) {{ return 1; }}\n");
            write(dir.path(), &[(&format!("part{part}.c"), &text)]);
        }
        let kernel = any_kernel();
        Tree {
            recorder: Recorder::of(&kernel),
            kernel,
            dir,
        }
    }

    /// Builds one of the modules.
    fn command(&self, name: &str, jobs: &str) -> Command {
        self.command_in(".", name, jobs)
    }

    fn command_in(&self, pool: &str, name: &str, jobs: &str) -> Command {
        let mut command = Command::new(program());
        command
            .current_dir(self.dir.path())
            .args(["build", "--name", name])
            .args((0..PARTS).map(|part| format!("part{part}.c")))
            .args(["--pool-dir", pool, "-o", name])
            .arg(format!("--cc={}", self.recorder.compiler().display()))
            .arg(format!("--kernel={}", self.kernel.kdir.display()))
            .env_remove("MAKEFLAGS");
        if !jobs.is_empty() {
            command.arg(jobs);
        }
        command
    }

    /// The number of compilers at once in a single build.
    fn peak_alone(&self, name: &str, jobs: &str) -> usize {
        self.recorder.forget();
        built(&mut self.command(name, jobs));
        self.recorder.peak(PARTS)
    }
}

#[test]
fn the_pool_has_the_size_that_was_asked_for_and_a_build_with_nothing_to_do_makes_none() {
    let tree = Tree::new();
    // Without its own setting, a build uses CMake's number.
    tree.recorder.forget();
    let mut command = tree.command("m0", "");
    built(command.env("CMAKE_BUILD_PARALLEL_LEVEL", "2"));
    assert_eq!(tree.recorder.peak(PARTS), 2);
    assert_eq!(tree.peak_alone("m1", "-j1"), 1);

    let private = tree.dir.path().join(".kbuild");
    assert!(private.join("jobs").exists());
    fs::remove_dir_all(&private).unwrap();
    built(&mut tree.command("m0", "-j3"));
    assert!(!private.exists());
}

#[test]
fn a_pool_that_its_folder_cannot_hold_is_in_the_users_folder() {
    let tree = Tree::new();
    let own = folder(&[]);
    let mut command = tree.command_in("/proc/nowhere", "m0", "-j2");
    let said = built(command.env("XDG_RUNTIME_DIR", own.path())).err();
    assert_eq!(tree.recorder.peak(PARTS), 2, "{said}");
    let pools = fs::read_dir(own.path().join("kbuild-rs")).unwrap();
    let pools: Vec<_> = pools.map(|e| e.unwrap().path()).collect();
    assert_eq!(pools.len(), 1, "{said}");
    assert!(pools[0].join("jobs").exists(), "{said}");
}
