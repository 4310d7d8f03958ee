//! `kbuild-rs install --sign`, and kernels that only load signed modules.

use std::fs;
use std::process::Command;

use kbuild_tests::snapshot::Snapshot;

use super::desk::Desk;
use crate::support::*;

/// An image of a kernel with this configuration.
fn image(desk: &Desk, config: &str) {
    let release = &desk.kernel.release;
    let files = [
        (format!("boot/config-{release}"), config),
        (format!("lib/modules/{release}/modules.builtin"), ""),
    ];
    let files: Vec<_> = files.iter().map(|(p, t)| (p.as_str(), *t)).collect();
    write(&desk.path("image"), &files);
}

fn install(desk: &Desk, line: &str) -> Command {
    let mut command = Command::new(program());
    command
        .args(["install", "hello.ko", "--root", "image"])
        .args(line.split_whitespace())
        .current_dir(desk.path(""))
        .env_remove("KBUILD_SIGN_PIN");
    command
}

fn installed(desk: &Desk) -> Vec<u8> {
    let release = &desk.kernel.release;
    desk.read(&format!("image/lib/modules/{release}/updates/hello.ko"))
}

const FORCES: &str = "CONFIG_MODULES=y\nCONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_FORCE=y\n\
    CONFIG_MODULE_SIG_HASH=\"sha512\"\n";

#[test]
fn a_kernel_that_enforces_signatures_gets_unsigned_modules_only_on_request() {
    let desk = Desk::new();
    image(&desk, FORCES);
    let before = Snapshot::take_with_content(desk.path("image")).unwrap();
    for line in ["", "--message-format json"] {
        let output = kbuild_tests::run::run(&mut install(&desk, line), LIMIT).unwrap();
        let said = [output.out(), output.err()].concat();
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in ["CONFIG_MODULE_SIG_FORCE", "--unsigned"] {
            assert!(said.contains(part), "{said}");
        }
        let code = "\"kind\":\"signature-required\"";
        assert!(line.is_empty() || said.contains(code), "{said}");
    }
    assert_untouched(&before, &desk.path("image"));
    built(&mut install(&desk, "--unsigned"));
    assert!(installed(&desk) == desk.read("hello.ko"));
}

#[test]
fn a_module_is_signed_with_the_hash_of_the_images_kernel_and_a_signed_one_stays_as_it_is() {
    let desk = Desk::new();
    image(&desk, FORCES);
    let expected = desk.by_sign_file("sha512");
    let said = built(&mut install(&desk, "--key mok.key --cert mok.der")).err();
    assert!(said.contains("cannot see whether it knows"), "{said}");
    assert!(installed(&desk) == expected);
    fs::remove_dir_all(desk.path("image")).unwrap();
    image(&desk, FORCES);
    fs::write(desk.path("hello.ko"), &expected).unwrap();
    built(&mut install(&desk, ""));
    assert!(installed(&desk) == expected);
}

#[test]
fn a_signature_that_fails_installs_nothing() {
    let desk = Desk::new();
    image(&desk, FORCES);
    let before = Snapshot::take_with_content(desk.path("image")).unwrap();
    for (line, code, wanted) in [
        ("--key mok.key --cert other.pem", 2, "does not belong"),
        ("--key mok.key --cert mok.pem --hash nohash", 1, "nohash"),
        (
            "--key mok.key --cert mok.pem --hash ../x",
            2,
            "is not the name of a hash",
        ),
        ("--key none.key --cert mok.pem", 2, "does not exist"),
    ] {
        let said = refused(&mut install(&desk, line), code);
        assert!(said.contains(wanted), "{line}: {said}");
        let now = Snapshot::take_with_content(desk.path("image")).unwrap();
        let differences = before.differences(&now);
        let is_module = |line: &&String| line.contains(".ko");
        assert!(
            !differences.iter().any(|line| is_module(&line)),
            "{differences:?}"
        );
    }
}
