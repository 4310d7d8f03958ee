//! Keys with a passphrase, keys of other kinds, and no OpenSSL.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::{lab, run, scope};

use super::desk::{Desk, built_once};
use super::{MARKER, SECRET};
use crate::support::trap::holds;
use crate::support::*;
use crate::world::files_below;

#[test]
fn a_passphrase_reaches_openssl_and_nobody_else() {
    let desk = Desk::new();
    desk.openssl("pkcs8 -topk8 -in mok.key -out locked.key -passout env:KBUILD_SIGN_PIN");
    // Stands in front of openssl, and keeps its arguments and every file of the call.
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> {log}\ncat \"$TMPDIR\"/*/* >> {log} 2>/dev/null\n\
         exec {real} \"$@\"\n",
        log = desk.path("log").display(),
        real = which("openssl").display()
    );
    write(desk.folder.path(), &[("bin/openssl", &script)]);
    let program = desk.path("bin/openssl");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", desk.path("bin").display());
    let call = |line: &str, pin: &str| {
        let mut command = desk.sign(line);
        command.env("PATH", &path).env("KBUILD_SIGN_PIN", pin);
        run::run(&mut command, LIMIT).unwrap()
    };
    let wrong = format!("{SECRET}-wrong");
    for (line, pin, is_right) in [
        ("hello.ko --key locked.key --cert mok.pem", SECRET, true),
        (
            "hello.ko --key locked.key --cert mok.pem --message-format json",
            SECRET,
            true,
        ),
        (
            "hello.ko --key locked.key --cert mok.pem --dry-run",
            SECRET,
            true,
        ),
        ("hello.ko --key locked.key --cert mok.pem", &wrong, false),
        (
            "hello.ko --key locked.key --cert mok.pem --message-format json",
            &wrong,
            false,
        ),
    ] {
        let output = call(line, pin);
        let said = [output.out(), output.err()].concat();
        assert_eq!(output.status.success(), is_right, "{said}");
        assert!(!said.contains(SECRET), "{said}");
        assert!(
            is_right || said.contains("KBUILD_SIGN_PIN is not its passphrase"),
            "{said}"
        );
    }
    let log = desk.read("log");
    assert!(holds(&log, b"env:KBUILD_SIGN_PIN"));
    for file in files_below(desk.folder.path()) {
        let path = desk.folder.path().join(&file);
        let is_file = fs::symlink_metadata(&path).unwrap().is_file();
        assert!(
            !is_file || !holds(&fs::read(&path).unwrap(), SECRET.as_bytes()),
            "{file:?}"
        );
    }
    let said = refused(
        &mut desk.sign("hello.ko --key locked.key --cert mok.pem"),
        2,
    );
    assert!(said.contains("is encrypted"), "{said}");
}

#[test]
fn a_module_without_a_known_kernel_needs_a_hash_and_no_openssl_is_named() {
    let desk = Desk::new();
    let sign = |more: &[&str]| {
        let mut command = Command::new(program());
        command
            .args(["sign", "hello.ko", "--key", "mok.key", "--cert", "mok.pem"])
            .args(more)
            .current_dir(desk.folder.path());
        command
    };
    // The lab's kernels are not installed.
    if !Path::new("/lib/modules")
        .join(&desk.kernel.release)
        .exists()
    {
        let said = refused(&mut sign(&[]), 1);
        assert!(said.contains("\n    --hash sha256"), "{said}");
    }
    let said = refused(sign(&[]).env("PATH", desk.path("none")), 1);
    assert!(said.contains("signing needs the program openssl"), "{said}");
    built(&mut sign(&["--hash", "sha256"]));
    assert!(desk.read("hello.ko").ends_with(MARKER));
}

#[test]
fn a_key_of_ml_dsa_signs_where_openssl_knows_such_keys() {
    if !scope::is_full() {
        return;
    }
    let desk = Desk::new();
    let openssl = lab::program("openssl").unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", openssl.parent().unwrap().display());
    let mut make = Command::new(&openssl);
    make.args(["req", "-new", "-x509", "-newkey", "mldsa65", "-nodes"])
        .args(["-subj", "/CN=pq", "-keyout", "pq.key", "-out", "pq.pem"])
        .current_dir(desk.folder.path());
    run::checked(&mut make, LIMIT).unwrap();
    let mut sign = desk.sign("hello.ko --key pq.key --cert pq.pem --hash sha512");
    built(sign.env("PATH", &path));
    assert!(desk.read("hello.ko").ends_with(MARKER));
    let unsigned = built_once().1.len();
    // Signatures of RSA have a few hundred bytes.
    assert!(desk.read("hello.ko").len() > unsigned + 3000);
    let said = refused(&mut desk.sign("hello.ko --key pq.key --cert pq.pem"), 1);
    assert!(
        said.contains("openssl cannot open the key pq.key"),
        "{said}"
    );
}

fn which(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let mut found = std::env::split_paths(&path).map(|dir| dir.join(name));
    found.find(|file| file.is_file()).unwrap()
}
