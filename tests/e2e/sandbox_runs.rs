//! `--sandbox` and the rest of the machine: missing namespaces, signals, tokens.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab;
use kbuild_tests::processes::{self, Signal};
use kbuild_tests::{run, scope};
use tempfile::TempDir;

use crate::crash::{Running, until};
use crate::scene::kernel_at;
use crate::support::recorder::Recorder;
use crate::support::*;

/// A user namespace in which no other one can be created stands for a machine that has none.
#[test]
fn a_machine_without_namespaces_is_an_error_and_nothing_is_built() {
    let dir = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "sh", "-c"])
        .arg("echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all \"$@\"")
        .arg("sh")
        .arg(program())
        .args(["build", "--sandbox", "--kernel"])
        .arg(&kernel_at(1).kdir)
        .current_dir(dir.path());
    let output = run::run(&mut command, LIMIT).unwrap();
    let said = output.err();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("cannot build in a sandbox"), "{said}");
    assert!(said.contains("user.max_user_namespaces"), "{said}");
    assert!(said.contains("without --sandbox"), "{said}");
    assert!(!dir.path().join("kbuild-out/hello.ko").exists());
}

/// Starts a build of five objects in a sandbox, whose compilers wait.
fn many(recorder: &Recorder, dir: &Path, makeflags: &str) -> Command {
    let kernel = kernel_at(1);
    let mut command = Command::new(program());
    command
        .current_dir(dir)
        .args(["build", "--sandbox", "--name", "many", "main.c"])
        .args((0..5).map(|part| format!("part{part}.c")))
        .arg(format!("--cc={}", recorder.compiler().display()))
        .arg(format!(
            "--sandbox-allow=write={}",
            recorder.compiler().parent().unwrap().display()
        ))
        .arg(format!("--kernel={}", kernel.kdir.display()))
        .env("MAKEFLAGS", makeflags);
    command
}

fn five() -> TempDir {
    let dir = folder(&[("main.c", HELLO)]);
    for part in 0..5 {
        let text = format!("int part{part}(void);\nint part{part}(void) {{ return 1; }}\n");
        write(dir.path(), &[(&format!("part{part}.c"), &text)]);
    }
    dir
}

#[test]
fn signals_end_everything_in_the_sandbox() {
    let signals = [Signal::KILL, Signal::INT, Signal::TERM];
    for signal in scope::ends(signals.to_vec()) {
        let recorder = Recorder::with(kernel_at(1).cc.as_deref().unwrap_or("gcc"), "30");
        let dir = five();
        let mark = format!("sandboxed{}", signal.as_raw());
        let mut command = many(&recorder, dir.path(), "");
        command.arg(format!("--env=KBUILD_TEST_MARK={mark}"));
        let mut running = Running::start(command, &mark);
        until("compilers begin", || recorder.begun() > 0);
        processes::signal(running.pid(), signal);
        assert!(!running.wait());
        let compiler = recorder.compiler().display().to_string();
        until("all end", || !is_running(&compiler));
    }
}

/// Whether a process has this text in its command line.
fn is_running(text: &str) -> bool {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines
        .into_iter()
        .any(|line| String::from_utf8_lossy(&line).contains(text))
}

#[test]
fn an_outer_make_shares_its_tokens_with_the_sandbox() {
    let old = Path::new("/usr/bin/make").to_owned();
    let new = lab::program("make").unwrap();
    // Its jobserver is a pipe before 4.4, and a fifo since then; kbuild-rs hands on either to either.
    let mut pairs = vec![(&old, &old), (&new, &new)];
    if scope::is_full() {
        pairs.push((&old, &new));
    }
    for (outer, inner) in pairs {
        let recorder = Recorder::with(kernel_at(1).cc.as_deref().unwrap_or("gcc"), "0.5");
        let dir = five();
        let command = many(&recorder, dir.path(), "");
        let words: Vec<_> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        // The second make only ends if all three tokens came back.
        let text = format!(
            "all: after\nbuild:\n\t+{}\nafter: build\n\t+$(MAKE) -f inner.mk a b c\n",
            words.join(" ")
        );
        let wait = "a b c:\n\t@touch $@.began; for i in $$(seq 100); do test -e a.began -a -e \
                    b.began -a -e c.began && exit 0; sleep 0.1; done; exit 1\n";
        write(dir.path(), &[("outer.mk", &text), ("inner.mk", wait)]);
        let folder = inner.parent().unwrap().display();
        let mut make = Command::new(outer);
        make.args(["-j3", "-f", "outer.mk"])
            .env(
                "PATH",
                format!("{folder}:{}", std::env::var("PATH").unwrap()),
            )
            .current_dir(dir.path());
        built(&mut make);
        let peak = recorder.peak(5);
        assert!((2..=3).contains(&peak), "{peak} compilers at once");
    }
}

#[test]
fn builds_in_sandboxes_share_a_pool() {
    let recorder = Recorder::with(kernel_at(1).cc.as_deref().unwrap_or("gcc"), "0.5");
    let dir = five();
    let inner = lab::program("make").unwrap();
    let folder = inner.parent().unwrap().display();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let mut command = many(&recorder, dir.path(), "");
    built(command.arg("-j2").env("PATH", path));
    assert_eq!(recorder.peak(5), 2);
}
