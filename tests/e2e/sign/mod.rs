//! `kbuild-rs sign`: the bytes of the kernel's own `sign-file`, whatever made them, and nothing else
//! changed.

mod desk;
mod guide;
mod install;
mod keys;
mod provider;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use kbuild_tests::run;
use kbuild_tests::snapshot::Snapshot;

use crate::scene::kernel_at;
use crate::support::*;
use desk::Desk;

const MARKER: &[u8] = b"~Module signature appended~\n";

/// A passphrase that stands nowhere else.
const SECRET: &str = "s3cret-41d7";

#[test]
fn a_signature_has_the_bytes_of_the_kernels_program_with_it_and_without_it() {
    let desk = Desk::new();
    // Its sign-file needs a library that this machine does not have.
    let oldest = kernel_at(0);
    for hash in ["sha256", "sha384", "sha512", "sha3-256"] {
        let expected = desk.by_sign_file(hash);
        assert!(expected.ends_with(MARKER));
        for kernel in [&desk.kernel, &oldest] {
            let line = format!("hello.ko -o out.ko --key mok.key --cert mok.der --hash {hash}");
            built(&mut desk.sign_for(kernel, &line));
            assert!(
                desk.read("out.ko") == expected,
                "{hash} with {}",
                kernel.release
            );
        }
        // Without any kernel's program.
        desk.openssl(&format!(
            "cms -sign -binary -noattr -nocerts -nosmimecap -md {hash} -inkey mok.key -signer \
             mok.pem -in hello.ko -outform DER -out hello.p7s"
        ));
        built(&mut desk.sign("hello.ko -o out.ko --signature-in hello.p7s --cert mok.pem"));
        assert!(desk.read("out.ko") == expected, "{hash} with a message");
        built(&mut desk.sign(&format!("hello.ko --digest-out digest --hash {hash}")));
        desk.openssl(&format!(
            "pkeyutl -sign -inkey mok.key -pkeyopt digest:{hash} -in digest -out bare"
        ));
        let line = format!("hello.ko -o out.ko --signature-in bare --cert mok.der --hash {hash}");
        built(&mut desk.sign(&line));
        assert!(
            desk.read("out.ko") == expected,
            "{hash} with a bare signature"
        );
    }
}

#[test]
fn the_hash_is_the_kernels_and_a_signature_is_replaced() {
    let desk = Desk::new();
    let unsigned = desk.read("hello.ko");
    built(&mut desk.sign("hello.ko --key other.key --cert other.pem --hash sha512"));
    assert!(desk.read("hello.ko") != unsigned);
    // PEM files may hold both.
    let both = [desk.read("mok.key"), desk.read("mok.pem")].concat();
    fs::write(desk.path("both.pem"), both).unwrap();
    let output = built(&mut desk.sign("hello.ko --key both.pem --message-format json"));
    let signed = desk.read("hello.ko");
    fs::write(desk.path("hello.ko"), &unsigned).unwrap();
    assert!(signed == desk.by_sign_file("sha256"));
    let said = output.out();
    for part in [
        "{\"reason\":\"module-signed\",\"release\":\"",
        "\"name\":\"hello\"",
        "\"hash\":\"sha256\"",
        "\"key\":\"both.pem\"",
        "\"replaced\":true}\n{\"reason\":\"sign-finished\",\"success\":true}\n",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn other_names_of_a_module_keep_their_contents_and_its_mode_and_owner_stay() {
    let desk = Desk::new();
    let unsigned = desk.read("hello.ko");
    fs::hard_link(desk.path("hello.ko"), desk.path("hard.ko")).unwrap();
    fs::set_permissions(desk.path("hello.ko"), fs::Permissions::from_mode(0o640)).unwrap();
    if crate::world::is_root() {
        std::os::unix::fs::chown(desk.path("hello.ko"), Some(1234), Some(4321)).unwrap();
    }
    let before = fs::metadata(desk.path("hello.ko")).unwrap();
    built(&mut desk.sign("hello.ko --key mok.key --cert mok.pem"));
    let after = fs::metadata(desk.path("hello.ko")).unwrap();
    let looks = |meta: &fs::Metadata| (meta.mode(), meta.uid(), meta.gid());
    assert_eq!(looks(&before), looks(&after));
    assert!(desk.read("hard.ko") == unsigned);
    symlink("hard.ko", desk.path("soft.ko")).unwrap();
    built(&mut desk.sign("soft.ko --key mok.key --cert mok.pem"));
    assert!(!desk.path("soft.ko").is_symlink());
    assert!(desk.read("soft.ko") == desk.read("hello.ko"));
    assert!(desk.read("hard.ko") == unsigned);
}

/// Calls that fail: (arguments, exit code, words of the message).
const REFUSED: &[(&str, i32, &str)] = &[
    (
        "hello.ko --key mok.key --cert other.pem",
        2,
        "does not belong to the certificate other.pem (other)",
    ),
    (
        "hello.ko --key mok.pem --cert mok.pem",
        1,
        "it is not a private key",
    ),
    (
        "hello.ko --key mok.key --cert mok.key",
        2,
        "is not a certificate",
    ),
    ("hello.ko --key mok.key", 2, "is not a certificate"),
    (
        "hello.ko --key none.key --cert mok.pem",
        2,
        "the key none.key does not exist",
    ),
    (
        "none.ko --key mok.key --cert mok.pem",
        2,
        "none.ko does not exist",
    ),
    (
        "hello.ko --key mok.key --cert mok.pem --hash nohash",
        1,
        "stays unsigned",
    ),
    (
        "hello.ko --key mok.key --cert mok.pem --hash=-nohash",
        2,
        "is not the name of a hash",
    ),
    (
        "damaged.ko --key mok.key --cert mok.pem",
        1,
        "its length is larger than the module",
    ),
    (
        "hello.ko.gz --key mok.key --cert mok.pem",
        1,
        "\n    gzip -dk hello.ko.gz",
    ),
    (
        "mok.key --key mok.key --cert mok.pem",
        1,
        "is not a kernel module",
    ),
    (
        "hello.ko -o none/hello.ko --key mok.key --cert mok.pem",
        1,
        "none",
    ),
    (
        "hello.ko --signature-in mok.key --cert mok.pem",
        1,
        "does not fit the module",
    ),
    ("hello.ko --signature-in mok.key", 2, "add the certificate"),
    ("hello.ko old.ko --digest-out digest", 2, "takes one module"),
];

#[test]
fn a_dry_run_and_every_call_that_fails_change_nothing() {
    let desk = Desk::new();
    let signed = built(&mut desk.sign("hello.ko -o old.ko --key mok.key --cert mok.pem"));
    assert!(signed.err().contains("signed hello ("), "{}", signed.err());
    let mut damaged = desk.read("old.ko");
    let at = damaged.len() - MARKER.len() - 4;
    damaged[at..at + 4].copy_from_slice(&[0xff; 4]);
    fs::write(desk.path("damaged.ko"), damaged).unwrap();
    run::checked(
        Command::new("gzip").arg("-k").arg(desk.path("hello.ko")),
        LIMIT,
    )
    .unwrap();
    fs::create_dir(desk.path("folder")).unwrap();
    let before = Snapshot::take_with_content(desk.folder.path()).unwrap();
    let output = built(&mut desk.sign("old.ko --key mok.key --cert mok.pem --dry-run"));
    assert!(
        output
            .err()
            .contains("would replace the signature of hello"),
        "{}",
        output.err()
    );
    built(&mut desk.sign("hello.ko --digest-out digest --dry-run"));
    for (line, code, wanted) in REFUSED {
        let said = refused(&mut desk.sign(line), *code);
        assert!(said.contains(wanted), "{line}: {said}");
    }
    assert_untouched(&before, desk.folder.path());
    assert_eq!(fs::read_dir(desk.tmp.path()).unwrap().count(), 0);
}
