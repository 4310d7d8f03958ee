//! Limits of a process: an error names the limit that was reached, at any step of the call.

use std::ffi::OsStr;
use std::fs;
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run::{self, Output};
use kbuild_tests::{other_user, scope};
use tempfile::TempDir;

use crate::scene::kernel_at;
use crate::support::*;

/// Calls of each verb, and their inputs.
struct Scene {
    dir: TempDir,
    kernel: LabKernel,
}

impl Scene {
    fn new() -> Scene {
        let dir = folder(&[
            ("one/one.c", HELLO),
            ("one/Kbuild", "obj-m := one.o\n"),
            ("two/two.c", HELLO),
            ("two/Kbuild", "obj-m := two.o\n"),
        ]);
        Scene {
            dir,
            kernel: kernel_at(1),
        }
    }

    /// Runs the program under `ulimit -FLAG NUMBER`, behind the words in `front`.
    fn limited(&self, front: &[&str], flag: &str, number: u64, arguments: &[&OsStr]) -> Output {
        // Some shells lack some of the limits.
        let mut command = Command::new("bash");
        // Core files would only take space.
        let script = "ulimit -c 0; ulimit -$0 $1 && shift && exec \"$@\"";
        command.args(["-c", script, flag, &number.to_string()]);
        command.args(front).arg(program()).args(arguments);
        command.current_dir(self.dir.path());
        run::run(&mut command, LIMIT).unwrap()
    }

    /// A build that starts from nothing.
    fn build(&self, front: &[&str], flag: &str, number: u64) -> Output {
        let out = self.dir.path().join("out");
        let _ = fs::remove_dir_all(&out);
        let mut call = build(&self.kernel, &out);
        call.args(["one", "two"]);
        self.limited(front, flag, number, &call.get_args().collect::<Vec<_>>())
    }

    fn others(&self) -> Vec<Vec<&OsStr>> {
        let kernel = self.kernel.kdir.as_os_str();
        let word = OsStr::new;
        vec![
            vec![word("info"), word("one")],
            vec![word("kernels"), kernel],
            vec![word("clean"), word("-o"), word("none")],
        ]
    }
}

/// Checks that the call works, or fails with an error that names the limit. Returns whether it
/// works.
fn names_the_limit(output: &Output, name: &str) -> bool {
    let text = output.err();
    assert!(!text.contains("panicked"), "{text}");
    match output.status.code() {
        Some(0) => true,
        Some(1) => {
            assert!(text.contains(name), "no `{name}` in:\n{text}");
            false
        }
        code => panic!("{code:?} {:?}\n{text}", output.status),
    }
}

#[test]
fn too_few_open_files_are_named_with_their_limit() {
    let scene = Scene::new();
    for number in 4..16 {
        let output = scene.build(&[], "n", number);
        let name = format!("(ulimit -n) is {number}: raise it");
        assert!(!names_the_limit(&output, &name), "{number} are enough");
        for call in scene.others() {
            let output = scene.limited(&[], "n", number, &call);
            assert_eq!(output.status.signal_or_panic(), None, "{}", output.err());
        }
    }
    // The compiler reaches this limit first.
    let output = scene.build(&[], "n", 18);
    assert!(!names_the_limit(&output, "(ulimit -n) is 18: raise it"));
}

#[test]
fn too_few_processes_are_named_with_their_limit() {
    let scene = Scene::new();
    let front = other_user(54_000, "+dac_override");
    let front: Vec<&str> = front.iter().map(String::as_str).collect();
    for number in 0..if scope::is_full() { 8 } else { 4 } {
        let output = scene.build(&front, "u", number);
        let name = format!("(ulimit -u) is {number}: raise it");
        assert!(!names_the_limit(&output, &name), "{number} are enough");
        for call in scene.others() {
            let output = scene.limited(&front, "u", number, &call);
            assert_eq!(output.status.signal_or_panic(), None, "{}", output.err());
        }
    }
}

#[test]
fn too_little_memory_is_named_with_its_limit() {
    let scene = Scene::new();
    // With a lower limit, the program itself cannot be loaded.
    let starts = |kibibytes: &u64| {
        let output = scene.limited(&[], "v", *kibibytes, &["--version".as_ref()]);
        output.status.success()
    };
    let least = (5_000..100_000).step_by(250).find(starts).unwrap();
    let step = if scope::is_full() { 100 } else { 900 };
    for kibibytes in (least + 500..least + 5_000).step_by(step) {
        let output = scene.build(&[], "v", kibibytes);
        let name = format!("(ulimit -v) is {kibibytes} KiB: raise it");
        assert!(!names_the_limit(&output, &name), "{kibibytes} are enough");
        for call in scene.others() {
            let output = scene.limited(&[], "v", kibibytes, &call);
            assert_eq!(output.status.signal_or_panic(), None, "{}", output.err());
        }
    }
}

trait Ends {
    /// The signal that ended a process, or 101 for a panic.
    fn signal_or_panic(&self) -> Option<i32>;
}

impl Ends for std::process::ExitStatus {
    fn signal_or_panic(&self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        self.signal().or(self.code().filter(|code| *code > 2))
    }
}
