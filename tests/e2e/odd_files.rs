//! Fifos, sockets, devices and folders in the places of files: the error names the kind, and the
//! program does not wait.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kbuild_tests::run;

use crate::scene::kernel_at;
use crate::support::kernel_tree::link_kernel;
use crate::support::*;

/// A program that waits for a fifo waits forever.
const SOON: Duration = Duration::from_secs(30);

fn fifo(path: &Path) {
    run::checked(Command::new("mkfifo").arg(path), SOON).unwrap();
}

/// The call fails soon with this code and prints all of `wanted`.
fn names(command: &mut Command, code: i32, wanted: &[&str]) {
    let output = run::run(command, SOON).unwrap();
    let text = output.err();
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{text}");
    for word in wanted {
        assert!(text.contains(word), "no `{word}` in {text}");
    }
}

#[test]
fn info_and_a_file_of_arguments_name_a_path_that_is_not_a_file() {
    let dir = folder(&[("folder/readme", "")]);
    let at = |name: &str| dir.path().join(name);
    fifo(&at("fifo.ko"));
    fifo(&at("folder/inner.ko"));
    let _listener = UnixListener::bind(at("socket.ko")).unwrap();
    let mut info = Command::new(program());
    info.arg("info").current_dir(dir.path());
    info.args(["fifo.ko", "socket.ko", "/dev/zero", "folder"]);
    let wanted = [
        "fifo.ko: it is a fifo",
        "socket.ko: it is a socket",
        "/dev/zero: it is a device",
        "folder/inner.ko: it is a fifo",
    ];
    names(&mut info, 1, &wanted);
    for (file, what) in [("fifo.ko", "a fifo"), ("/dev/zero", "a device")] {
        let mut command = Command::new(program());
        command.arg(format!("@{file}")).current_dir(dir.path());
        names(&mut command, 2, &[file, what]);
    }
}

#[test]
fn a_build_names_a_path_that_is_not_a_file_if_it_reads_that_path() {
    let kernel = kernel_at(1);
    let dir = folder(&[
        ("hello.c", HELLO),
        ("tree/hello.c", HELLO),
        ("tree/Kbuild", "obj-m := hello.o\n"),
        ("waits/hello.c", HELLO),
    ]);
    let at = |name: &str| dir.path().join(name);
    for name in ["a.symvers", "waits/Kbuild"] {
        fifo(&at(name));
    }
    let out = at("out");
    let command = |args: &[&str]| {
        let mut command = build(&kernel, &out);
        command.current_dir(dir.path()).args(args);
        command
    };
    let symvers = ["--name", "hello", "hello.c", "--symvers", "a.symvers"];
    let wanted = ["a.symvers cannot be read: it is a fifo"];
    names(&mut command(&symvers), 2, &wanted);
    names(&mut command(&["waits"]), 1, &["waits/Kbuild: it is a fifo"]);
    assert!(!out.exists());

    // Nothing reads a Makefile beside a Kbuild. The other names would change the kind of the tree.
    for name in ["Makefile", "CACHEDIR.TAG", ".git", "rust.rs", "other"] {
        fifo(&at("tree").join(name));
    }
    let output = run::run(&mut command(&["tree", "--dry-run"]), SOON).unwrap();
    assert!(output.status.success(), "{}", output.err());
}

#[test]
fn a_path_in_a_kernel_tree_that_is_not_a_file_is_named() {
    let kernel = kernel_at(1);
    let dir = folder(&[("hello.c", HELLO)]);
    let tree = link_kernel(&kernel, &dir.path().join("kernel"), &["include"]);
    // The files in these folders that kbuild-rs reads, out of thousands.
    let at = |name: &str| tree.kdir.join("include").join(name);
    for folder in ["config", "generated"] {
        fs::remove_file(at(folder)).unwrap();
        fs::create_dir(at(folder)).unwrap();
    }
    let config = kernel.kdir.join("include/config/auto.conf");
    fs::copy(config, at("config/auto.conf")).unwrap();
    fs::write(at("generated/autoconf.h"), "").unwrap();
    let names_it = |name: &str| {
        let wanted = format!("include/{name}: it is a fifo");
        let mut kernels = Command::new(program());
        let output = run::run(kernels.arg("kernels").arg(&tree.kdir), SOON).unwrap();
        let said = output.out() + &output.err();
        assert!(said.contains(&wanted), "{said}");
        let mut command = build(&tree, &dir.path().join("out"));
        command.current_dir(dir.path());
        command.args(["--name", "hello", "hello.c"]);
        names(&mut command, 1, &[&wanted]);
    };
    // The release comes from the first of these files that exists.
    for name in ["config/kernel.release", "generated/utsrelease.h"] {
        fifo(&at(name));
        names_it(name);
    }
    fs::remove_file(at("config/auto.conf")).unwrap();
    fifo(&at("config/auto.conf"));
    names_it("config/auto.conf");
}
