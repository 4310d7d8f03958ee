//! `kbuild-rs sign`: the bytes of the kernel's own `sign-file`, whatever made them, and nothing else
//! changed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run;
use kbuild_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::scene::{Scene, kernel_at};
use crate::support::trap::holds;
use crate::support::*;
use crate::world::files_below;

const MARKER: &[u8] = b"~Module signature appended~\n";

/// A passphrase that stands nowhere else.
const SECRET: &str = "s3cret-41d7";

/// A module in a folder, with keys beside it.
pub(crate) struct Desk {
    pub(crate) kernel: LabKernel,
    folder: TempDir,
    tmp: TempDir,
}

/// The kernel whose `sign-file` runs on this machine, and a module that was built for it.
fn built_once() -> &'static (LabKernel, Vec<u8>) {
    static MODULE: OnceLock<(LabKernel, Vec<u8>)> = OnceLock::new();
    MODULE.get_or_init(|| {
        let kernel = kernel_at(2);
        let files = [("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")];
        let scene = Scene::tree(&kernel, &files);
        scene.build();
        let module = fs::read(scene.out.path().join("hello.ko")).unwrap();
        (kernel, module)
    })
}

impl Desk {
    /// `hello.ko` and, each with its certificate (`.pem`, `.der`), the keys `mok` and `other`.
    pub(crate) fn new() -> Desk {
        let (kernel, module) = built_once();
        let desk = Desk {
            kernel: kernel.clone(),
            folder: folder(&[]),
            tmp: folder(&[]),
        };
        fs::write(desk.path("hello.ko"), module).unwrap();
        for name in ["mok", "other"] {
            desk.openssl(&format!(
                "req -new -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN={name} -keyout \
                 {name}.key -out {name}.pem"
            ));
            desk.openssl(&format!("x509 -in {name}.pem -outform DER -out {name}.der"));
        }
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn openssl(&self, line: &str) {
        let mut command = Command::new("openssl");
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env("KBUILD_SIGN_PIN", SECRET);
        run::checked(&mut command, LIMIT).unwrap();
    }

    /// `kbuild-rs sign`, for the module's kernel.
    pub(crate) fn sign(&self, line: &str) -> Command {
        let mut command = self.sign_for(&self.kernel, line);
        command.env("TMPDIR", self.tmp.path());
        command
    }

    fn sign_for(&self, kernel: &LabKernel, line: &str) -> Command {
        let mut command = Command::new(program());
        command
            .arg("sign")
            .args(line.split_whitespace())
            .arg("--kernel")
            .arg(&kernel.kdir)
            .current_dir(self.folder.path())
            .env_remove("KBUILD_SIGN_PIN");
        command
    }

    /// The module as the kernel's own program signs it.
    pub(crate) fn by_sign_file(&self, hash: &str) -> Vec<u8> {
        let mut command = self
            .kernel
            .command(self.kernel.kdir.join("scripts/sign-file"));
        command
            .args([hash, "mok.key", "mok.pem", "hello.ko", "expected.ko"])
            .current_dir(self.folder.path());
        run::checked(&mut command, LIMIT).unwrap();
        self.read("expected.ko")
    }
}

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
    (
        "hello.ko old.ko --digest-out digest",
        2,
        "is about one module",
    ),
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

fn which(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let mut found = std::env::split_paths(&path).map(|dir| dir.join(name));
    found.find(|file| file.is_file()).unwrap()
}
