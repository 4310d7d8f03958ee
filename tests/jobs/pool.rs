//! Builds under a Ninja without a jobserver: all builds of one build tree together run the jobs of
//! one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use kbuild_tests::processes::{self, Process, Signal};
use kbuild_tests::run::{self, Output};
use tempfile::TempDir;

use crate::cell::Tools;
use crate::many;
use crate::meeting::Meeting;
use crate::support::{LIMIT, program};

const JOBS: usize = 4;
const PARTS: usize = 5;

/// A build tree with modules, and the Ninja that builds them all at once.
struct Tree {
    dir: TempDir,
    tools: Tools,
}

impl Tree {
    fn new() -> Option<Tree> {
        let tools = Tools::get();
        if let Err(why) = tools.ninja(false) {
            println!("not run: {why}");
            return None;
        }
        Some(Tree {
            dir: tempfile::tempdir().unwrap(),
            tools,
        })
    }

    /// Builds this many modules that were not built before.
    fn ninja(&self, modules: usize, meeting: &Meeting) -> Output {
        let dir = self.dir.path();
        let out = tempfile::tempdir_in(dir).unwrap().keep();
        let mut text = format!(
            "rule one\n  command = {} build $in -o $out --pool-dir {} -j{JOBS} --kernel {} \
             --cc {}\n",
            program().display(),
            dir.display(),
            many::kernel().kdir.display(),
            meeting.compiler().display()
        );
        for i in 0..modules {
            let module = dir.join(format!("m{i}"));
            many::write(&module, &format!("m{i}"), PARTS);
            text += &format!("build {}/m{i}: one {}\n", out.display(), module.display());
        }
        fs::write(out.join("build.ninja"), text).unwrap();
        let mut ninja = Command::new(self.tools.ninja(false).unwrap());
        ninja.arg("-C").arg(&out).args(["-j8", "-k0"]);
        run::run(ninja.env_remove("MAKEFLAGS"), LIMIT).unwrap()
    }

    fn processes(&self, is: impl Fn(&Process) -> bool) -> Vec<Process> {
        let mut all = processes::around(self.dir.path());
        all.retain(is);
        all
    }

    /// Waits until all processes of this tree have ended.
    fn until_nobody_is_left(&self) {
        let start = Instant::now();
        loop {
            let left = self.processes(|_| true);
            if left.is_empty() {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(600), "{left:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The held locks of the pool and of the stages.
    fn locks(&self) -> Vec<PathBuf> {
        let mut locks = Vec::new();
        find_locks(self.dir.path(), &mut locks);
        locks
    }

    /// Fails unless a build from nothing can use all jobs.
    fn has_every_job(&self) {
        let meeting = Meeting::of(JOBS, &many::kernel());
        let output = self.ninja(1, &meeting);
        assert!(output.status.success(), "{}", output.out());
        assert_eq!(meeting.most(), JOBS);
    }
}

fn find_locks(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let name = entry.file_name();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find_locks(&entry.path(), found);
        } else if (name == "lock" || name == "jobs.lock") && processes::is_locked(&entry.path()) {
            found.push(entry.path());
        }
    }
}

fn is_kbuild_rs(process: &Process) -> bool {
    process.program == program()
}

fn is_make(process: &Process) -> bool {
    process.program.ends_with("make")
}

#[test]
fn eight_builds_at_once_under_ninja_have_the_jobs_of_one() {
    let Some(tree) = Tree::new() else { return };
    let meeting = Meeting::of(JOBS, &many::kernel());
    let output = tree.ninja(8, &meeting);
    assert!(output.status.success(), "{}", output.out());
    assert_eq!(meeting.arrived().len(), 8 * PARTS);
    assert_eq!(meeting.most(), JOBS);
}

#[test]
fn when_one_is_killed_the_others_stay_within_the_jobs_and_the_next_has_all_of_them() {
    let Some(tree) = Tree::new() else { return };
    let meeting = Meeting::that_waits(&many::kernel());
    std::thread::scope(|scope| {
        let ninja = scope.spawn(|| tree.ninja(3, &meeting));
        meeting.wait_for(JOBS);
        let makes = tree.processes(is_make);
        let held = tree.processes(is_kbuild_rs);
        let with_make = |one: &&Process| makes.iter().any(|make| make.parent == one.id);
        held.iter().find(with_make).unwrap().signal(Signal::KILL);
        meeting.release();
        let output = ninja.join().unwrap();
        assert!(!output.status.success());
        assert_eq!(
            output.out().matches("FAILED: ").count(),
            1,
            "{}",
            output.out()
        );
    });
    assert_eq!(meeting.most(), JOBS);
    tree.has_every_job();
}

#[test]
fn when_all_are_killed_no_compiler_is_started_and_locks_are_held_until_the_last_ends() {
    let Some(tree) = Tree::new() else { return };
    let meeting = Meeting::that_waits(&many::kernel());
    std::thread::scope(|scope| {
        let ninja = scope.spawn(|| tree.ninja(3, &meeting));
        meeting.wait_for(JOBS);
        for process in tree.processes(is_kbuild_rs) {
            process.signal(Signal::KILL);
        }
        assert!(!ninja.join().unwrap().status.success());
        // The compilers outlive the killed processes.
        meeting.wait_for(JOBS);
        let locks = tree.locks();
        let held = |name: &str| locks.iter().any(|lock| lock.ends_with(name));
        assert!(held("lock") && held("jobs.lock"), "{locks:?}");
        meeting.release();
        tree.until_nobody_is_left();
    });
    // make got the signal and has started nothing since.
    let begun = meeting.arrived().len();
    assert!(begun < 3 * PARTS, "{begun} were compiled");
    assert_eq!(tree.locks(), Vec::<PathBuf>::new());
    assert_eq!(meeting.most(), JOBS);
    tree.has_every_job();
}
