//! `cargo xtask` leaves no process behind when it is told to end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml allows them in tests, and takes their helpers for something else"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use kbuild_tests::lab::packages;
use kbuild_tests::processes::{self, Process, Signal};
use kbuild_tests::root::executable;
use tempfile::TempDir;

/// A stand-in for Cargo. It starts processes in the same ways as tests do, and hangs.
const CARGO: &str = r#"#!/bin/sh
[ "$2" = --version ] && exit
cd "$(dirname "$0")"
sh -c 'sleep 1000; true' &
setsid sh -c 'sleep 1000; true' &
sh -c 'trap "" TERM INT HUP; : > deaf; while :; do sleep 1000; done' &
ORPHAN
until [ -e deaf ]; do sleep 0.01; done
: > begun
wait
"#;

/// A process whose parent has ended and that leads a session, like a server.
const ORPHAN: &str = "(setsid sh -c 'sleep 1000; true' &)";

/// A run of `cargo xtask test` that hangs.
struct Hanging {
    dir: TempDir,
    xtask: Child,
}

impl Hanging {
    fn start(orphan: &str) -> Hanging {
        let dir = tempfile::tempdir().unwrap();
        let cargo = dir.path().join("cargo");
        fs::write(&cargo, CARGO.replace("ORPHAN", orphan)).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        // The test's caller may ignore these signals (`nohup`, a job in the background), and
        // `cargo xtask` leaves an ignored signal ignored.
        let xtask = Command::new("env")
            .arg("--default-signal=HUP,INT,QUIT,TERM")
            .arg(env!("CARGO_BIN_EXE_xtask"))
            .args(["test", "format"])
            .env("CARGO", &cargo)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let run = Hanging { dir, xtask };
        until("it begins", || run.dir.path().join("begun").exists());
        run
    }

    fn left(&self) -> Vec<Process> {
        processes::around(self.dir.path())
    }

    /// The worker process.
    fn worker(&self) -> Process {
        let cargo = self.left().into_iter();
        let ids: Vec<u32> = cargo.map(|process| process.parent).collect();
        let program = Path::new(env!("CARGO_BIN_EXE_xtask"));
        let all = processes::around(program).into_iter();
        let mut workers = all.filter(|one| one.parent == self.xtask.id() && ids.contains(&one.id));
        workers.next().unwrap()
    }

    /// The exit status. There is a limit for the wait.
    fn status(&mut self) -> ExitStatus {
        let mut status = None;
        until("it ends", || {
            status = self.xtask.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    fn signal(&self, signal: Signal) {
        processes::signal(self.xtask.id(), signal);
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        let _ = self.xtask.kill();
        let _ = self.xtask.wait();
        self.left().iter().for_each(|one| one.signal(Signal::KILL));
    }
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(600), "{what}: never");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_run_that_a_signal_ends_leaves_no_process_and_ends_by_that_signal() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut run = Hanging::start(ORPHAN);
        // The stand-in itself, and one process for each of its four lines.
        assert!(run.left().len() >= 5, "{:?}", run.left());
        run.signal(signal);
        let status = run.status();
        assert_eq!(run.left().len(), 0, "{:?}", run.left());
        assert_eq!(status.signal(), Some(signal.as_raw()));
    }
}

#[test]
fn a_run_that_is_killed_leaves_no_process_and_neither_does_one_whose_worker_is_killed() {
    // With the keeper killed, no process adopts orphans.
    let run = Hanging::start("");
    run.signal(Signal::KILL);
    until("all end", || run.left().is_empty());

    let mut run = Hanging::start(ORPHAN);
    run.worker().signal(Signal::KILL);
    let status = run.status();
    assert_eq!(run.left().len(), 0, "{:?}", run.left());
    assert_eq!(status.signal(), Some(Signal::KILL.as_raw()));
}

/// `pkill -9 xtask` does the same.
#[test]
fn test_programs_end_when_cargo_does() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("cd {}; exec sleep 1000", dir.path().display());
    // This is Cargo's part: it starts the program through `--with-parent`, and is killed.
    let start = format!(
        "{} --with-parent sh -c '{script}' & wait",
        env!("CARGO_BIN_EXE_xtask")
    );
    let mut cargo = Command::new("sh").args(["-c", &start]).spawn().unwrap();
    let sleeps = |one: &Process| one.line.starts_with("sleep");
    until("it begins", || {
        processes::around(dir.path()).iter().any(sleeps)
    });
    cargo.kill().unwrap();
    cargo.wait().unwrap();
    until("it ends", || processes::around(dir.path()).is_empty());
}

/// The attempt of that moment has a mount, and a call of the program that hangs.
#[test]
fn torture_that_a_signal_ends_says_what_it_did_and_loses_and_leaves_nothing() {
    if !packages::is_root() {
        println!("not run: small disks take root");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (bin, tmp) = (dir.path().join("target/debug"), dir.path().join("tmp"));
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir(&tmp).unwrap();
    let xtask = bin.join("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &xtask).unwrap();
    // A stand-in for Cargo, which builds nothing, and one for the program.
    executable(&dir.path().join("cargo"), "#!/bin/sh\n").unwrap();
    let hang = format!(
        "#!/bin/sh\n: > {}/begun\nexec sleep 1000\n",
        dir.path().display()
    );
    executable(&bin.join("kbuild-rs"), &hang).unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let _ = fs::remove_file(dir.path().join("begun"));
        let said = dir.path().join("said");
        let output = fs::File::create(&said).unwrap();
        let mut run = Command::new("env")
            .arg("--default-signal=HUP,INT,QUIT,TERM")
            .arg(&xtask)
            .args(["torture", "scarce", "kills", "--seed", "1"])
            .env("CARGO", dir.path().join("cargo"))
            .env("TMPDIR", &tmp)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        until("it begins", || dir.path().join("begun").exists());
        processes::signal(run.id(), signal);
        let status = run.wait().unwrap();
        let said = fs::read_to_string(&said).unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{said}");
        let line = said
            .lines()
            .find(|line| line.starts_with("scarce"))
            .unwrap();
        let words: Vec<&str> = line.split_whitespace().take(7).collect();
        assert_eq!(
            words.join(" "),
            "scarce tried 0 survived 0 lost 0",
            "{said}"
        );
        assert!(line.ends_with("ended by a signal"), "{said}");
        assert!(said.contains("error: it was ended by a signal"), "{said}");
        assert!(
            !said.contains("lost: ") && !said.contains("kills"),
            "{said}"
        );
        assert_eq!(processes::around(dir.path()).len(), 0);
        assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0, "{said}");
    }
}
