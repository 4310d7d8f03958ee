//! The outer build's tokens: after any end of a build there are as many as before.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use kbuild_tests::jobserver::Jobserver;
use kbuild_tests::processes::{self, Signal};
use kbuild_tests::{run, scope};

use crate::cell::{Make, Tools};
use crate::many;
use crate::meeting::Meeting;
use crate::support::{LIMIT, program, write};

/// The tokens besides the one that kbuild-rs already has. GNU make gives back this byte too.
const TOKENS: &[u8] = b"+++";
const JOBS: usize = 4;

/// `kbuild-rs build` in `dir`, with this make and this compiler.
fn build(dir: &Path, tools: &Tools, make: Make, meeting: &Meeting) -> Command {
    let mut command = Command::new(program());
    command.arg("build").arg(dir.join("module"));
    command.arg("-o").arg(dir.join("out"));
    command.arg("--kernel").arg(&many::kernel().kdir);
    command.arg("--cc").arg(meeting.compiler());
    command.env("PATH", tools.path(make).unwrap());
    command
}

/// All ways in which a build can end. The names are for messages.
fn all_ends(tools: &Tools, make: Make, server: &Jobserver, dir: &Path) {
    let kernel = many::kernel();
    let full = |what: &str| assert_eq!(server.tokens().unwrap(), TOKENS, "{what}");
    many::write(&dir.join("module"), "many", 6);

    let signals = [Signal::INT, Signal::TERM];
    let signals = &signals[..if scope::is_full() { 2 } else { 1 }];
    for &signal in signals {
        let meeting = Meeting::that_waits(&kernel);
        let stopped = std::thread::scope(|scope| {
            let build = scope.spawn(|| {
                let mut command = build(dir, tools, make, &meeting);
                run::run(server.hand(&mut command), LIMIT).unwrap()
            });
            meeting.wait_for(JOBS);
            for process in processes::around(dir) {
                if process.program == program() {
                    process.signal(signal);
                }
            }
            build.join().unwrap()
        });
        assert_eq!(
            stopped.status.signal(),
            Some(signal.as_raw()),
            "{}",
            stopped.err()
        );
        full("after a signal");
    }

    let good = std::fs::read_to_string(dir.join("module/part3.c")).unwrap();
    write(dir, &[("module/part3.c", "#error no\n")]);
    let meeting = Meeting::of(JOBS, &kernel);
    let mut command = build(dir, tools, make, &meeting);
    let failed = run::run(server.hand(&mut command), LIMIT).unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", failed.err());
    full("after a failure");

    write(dir, &[("module/part3.c", &good)]);
    std::fs::remove_dir_all(dir.join("out")).unwrap();
    let meeting = Meeting::of(JOBS, &kernel);
    let mut command = build(dir, tools, make, &meeting);
    run::checked(server.hand(&mut command), LIMIT).unwrap();
    assert_eq!(meeting.most(), JOBS);
    full("after success");
}

fn with_both_makes(server: impl Fn(&Path) -> Jobserver + Sync) {
    let tools = Tools::get();
    std::thread::scope(|scope| {
        for make in [Make::Old, Make::New] {
            let (tools, server) = (&tools, &server);
            if let Err(why) = tools.make(make) {
                println!("not run: {make:?}: {why}");
                continue;
            }
            scope.spawn(move || {
                let dir = tempfile::tempdir().unwrap();
                all_ends(tools, make, &server(dir.path()), dir.path());
            });
        }
    });
}

#[test]
fn a_pipe_holds_its_tokens_after_success_after_a_failure_and_after_being_stopped() {
    with_both_makes(|_| Jobserver::pipe(TOKENS).unwrap());
}

#[test]
fn a_fifo_holds_its_tokens_after_success_after_a_failure_and_after_being_stopped() {
    with_both_makes(|dir| Jobserver::fifo(&dir.join("jobs"), TOKENS).unwrap());
}

#[test]
fn a_character_device_holds_its_tokens_after_success_after_a_failure_and_after_being_stopped() {
    if !scope::is_full() {
        return; // The table has one, with both makes.
    }
    with_both_makes(|_| Jobserver::device(TOKENS).unwrap());
}
