//! A guest under the hands of a person: a shell, a debugger.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use kbuild_tests::lab;

use super::{ko, modules_for, test};
use crate::crash::until;
use crate::support::*;

#[test]
#[allow(clippy::print_stdout, reason = "what did not run, and why")]
fn a_guest_has_a_shell_for_a_person_and_waits_for_a_debugger() {
    if let Some(why) = lab::why_not("7.3") {
        println!("not run: {why}");
        return;
    }
    let kernel = lab::kernel("7.3").unwrap();
    let out = modules_for(&kernel, &["base"]);
    let module = ko(out.path(), "base");

    // The guest reads the lines once its shell runs.
    let shell = folder(&[(
        "input",
        "grep -c ^base /proc/modules; echo sum $((40 + 2))\nexit\n",
    )]);
    let input = std::fs::File::open(shell.path().join("input")).unwrap();
    let mut command = test(&kernel, std::slice::from_ref(&module));
    let child = command
        .arg("--interactive")
        .stdin(input)
        .stdout(Stdio::piped());
    let output = child
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("sum 42"), "{said}");

    let scratch = tempfile::tempdir().unwrap();
    let mut command = test(&kernel, &[module]);
    command.arg("--gdb").env("TMPDIR", scratch.path());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = child.spawn().unwrap();
    let mut stream = None;
    until("the socket answers", || {
        let entries = std::fs::read_dir(scratch.path()).unwrap();
        let mut sockets = entries.map(|entry| entry.unwrap().path().join("gdb"));
        stream = sockets.find_map(|socket| UnixStream::connect(socket).ok());
        stream.is_some()
    });
    let mut stream = stream.unwrap();
    // gdb's protocol: the debugger asks why the program stands still, and lets it go.
    stream.write_all(b"$?#3f").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+$T0");
    stream.write_all(b"+$D#44").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains(" -ex 'target remote "), "{said}");
}
