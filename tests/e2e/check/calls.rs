//! Calls of `check` that need no guest: what it prints, its exit codes, its flags.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use kbuild_tests::run;
use kbuild_tests::snapshot::Snapshot;

use crate::scene::{Scene, kernel_at};
use crate::support::*;
use crate::world::files_below;

/// A provider and its user, built for the newest stock kernel, once for all tests.
pub(super) fn ring_and_user() -> Scene {
    static BUILT: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    let files = [
        ("ring.c", RING),
        ("user.c", USER),
        ("Kbuild", "obj-m := ring.o user.o\n"),
    ];
    let scene = Scene::tree(&kernel_at(2), &files);
    let built = BUILT.get_or_init(|| {
        scene.build();
        let files = files_below(scene.out.path()).into_iter();
        let files = files.filter(|file| !file.starts_with(".kbuild"));
        let read = |file: PathBuf| {
            let bytes = fs::read(scene.out.path().join(&file)).unwrap();
            (file.display().to_string(), bytes)
        };
        files.map(read).collect()
    });
    for (file, bytes) in built {
        fs::write(scene.out.path().join(file), bytes).unwrap();
    }
    scene
}

fn check(scene: &Scene, line: &str) -> Command {
    let kdir = scene.kernel.kdir.display().to_string();
    let mut command = Command::new(program());
    let words = line.split(' ').map(|word| word.replace("KDIR", &kdir));
    command
        .arg("check")
        .args(words)
        .current_dir(scene.out.path());
    command
}

#[test]
fn modules_of_one_call_use_each_other_and_one_alone_says_what_it_lacks() {
    let scene = ring_and_user();
    let release = &scene.kernel.release;
    let before = Snapshot::take_with_content(scene.out.path()).unwrap();
    let output = built(&mut check(&scene, ". --kernel KDIR"));
    let loads = format!("./ring.ko: loads on {release}\n./user.ko: loads on {release}\n");
    assert_eq!(output.out(), loads);
    // The kernel is not installed here.
    let said = output.err();
    let wanted = "note: the names of built-in modules are not compared: ";
    assert!(
        said.starts_with(wanted) && said.lines().count() == 1,
        "{said}"
    );
    let output = built(&mut check(&scene, ". --kernel KDIR --verbose"));
    assert!(
        output.err().contains("note: ./user.ko: needs ring\n"),
        "{}",
        output.err()
    );

    let output = run::run(&mut check(&scene, "user.ko --kernel KDIR"), LIMIT).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let wanted =
        format!("user.ko: does not load on {release}: Unknown symbol ring_push (err -2)\n");
    assert_eq!(output.out(), wanted);
    let said = output.err();
    let wanted =
        "error: user.ko: Unknown symbol ring_push (err -2). No module of this call exports";
    assert!(said.contains(wanted), "{said}");

    // With what exports it: a symvers, or a compressed module.
    let extra = folder(&[("ring.symvers", &symvers_of_ring(&scene))]);
    let more = extra.path().display();
    built(&mut check(
        &scene,
        &format!("user.ko --kernel KDIR --symvers {more}/ring.symvers"),
    ));
    fs::copy(scene.out.path().join("ring.ko"), format!("{more}/ring.ko")).unwrap();
    run::checked(Command::new("gzip").arg(format!("{more}/ring.ko")), LIMIT).unwrap();
    built(&mut check(
        &scene,
        &format!("user.ko {more}/ring.ko.gz --kernel KDIR"),
    ));
    // Without a kernel tree.
    let line = format!("user.ko --symvers KDIR/Module.symvers --symvers {more}/ring.symvers");
    let output = built(&mut check(&scene, &line));
    assert!(
        output
            .err()
            .contains("note: a Module.symvers says nothing about")
    );
    assert!(
        output.out().starts_with("user.ko: loads on /"),
        "{}",
        output.out()
    );
    assert_untouched(&before, scene.out.path());
}

/// A symvers as modpost writes it: a build publishes it.
fn symvers_of_ring(scene: &Scene) -> String {
    let found = fs::read_dir(scene.out.path()).unwrap();
    let files = found.map(|entry| entry.unwrap().path());
    let mut files = files.filter(|path| path.to_string_lossy().ends_with("ymvers"));
    let text = fs::read_to_string(files.next().unwrap()).unwrap();
    assert!(text.contains("\tring_push\t"), "{text}");
    text
}

#[test]
fn several_kernels_have_a_line_each_and_wrong_calls_exit_with_2() {
    let scene = ring_and_user();
    let other = kernel_at(1);
    let line = format!("ring.ko --kernel KDIR --kernel {}", other.kdir.display());
    let output = run::run(&mut check(&scene, &line), LIMIT).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<String> = output.out().lines().map(str::to_owned).collect();
    assert_eq!(
        lines[0],
        format!("ring.ko: loads on {}", scene.kernel.release)
    );
    let start = format!(
        "ring.ko: does not load on {}: disagrees about",
        other.release
    );
    assert!(lines[1].starts_with(&start), "{lines:?}");
    let said = output.err();
    assert!(said.contains(&format!(
        "\n    kbuild-rs build --kernel {}",
        other.kdir.display()
    )));

    // As a build for several kernels leaves it.
    let of_release = scene.out.path().join("several").join(&scene.kernel.release);
    fs::create_dir_all(&of_release).unwrap();
    fs::copy(scene.out.path().join("ring.ko"), of_release.join("ring.ko")).unwrap();
    let of_other = scene.out.path().join("several/9.9");
    fs::create_dir(&of_other).unwrap();
    fs::write(of_other.join("ring.ko"), "no ELF").unwrap();
    let output = built(&mut check(&scene, "several --kernel KDIR"));
    assert_eq!(output.out().lines().count(), 1, "{}", output.out());

    // A file that cannot be read has a verdict; the others have theirs.
    let link = of_release.join("link.ko");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let output = run::run(&mut check(&scene, "several --kernel KDIR"), LIMIT).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<String> = output.out().lines().map(str::to_owned).collect();
    assert!(lines[0].contains("link.ko: unclear on "), "{lines:?}");
    assert!(lines[1].contains("ring.ko: loads on "), "{lines:?}");
    fs::remove_file(link).unwrap();

    fs::write(scene.out.path().join("none.ko"), "no ELF").unwrap();
    fs::create_dir(scene.out.path().join("empty")).unwrap();
    for (line, code, wanted) in [
        ("gone.ko --kernel KDIR", 2, "gone.ko does not exist"),
        (
            "ring.ko --kernel KDIR --symvers gone",
            2,
            "the symvers gone does not exist",
        ),
        (
            "ring.ko --kernel KDIR --trusted-cert gone",
            2,
            "gone does not exist",
        ),
        (
            "ring.ko --kernel KDIR --trusted-cert ring.ko",
            2,
            "is not a certificate",
        ),
        (
            "ring.ko --kernel KDIR --all-kernels",
            2,
            "cannot be used with",
        ),
        ("empty --kernel KDIR", 1, "contains no module"),
        ("ring.ko --kernel /no/such", 1, "/no/such does not exist"),
        ("ring.ko --kernel KDIR --root /no/such", 1, "/no/such"),
        ("none.ko --kernel KDIR", 1, "is not a kernel module"),
    ] {
        let said = refused(&mut check(&scene, line), code);
        assert!(said.contains(wanted), "{line}: {said}");
    }
}

#[test]
fn a_signature_counts_if_the_kernel_enforces_it_and_knows_the_key() {
    let scene = ring_and_user();
    let path = |name: &str| scene.out.path().join(name);
    for name in ["mok", "other"] {
        let mut openssl = Command::new("openssl");
        openssl
            .args("req -new -x509 -newkey rsa:2048 -nodes -days 9 -subj".split(' '))
            .arg(format!("/CN={name}"))
            .args([
                "-keyout",
                &format!("{name}.key"),
                "-out",
                &format!("{name}.pem"),
            ])
            .current_dir(scene.out.path());
        run::checked(&mut openssl, LIMIT).unwrap();
    }
    let enforced = "--kernel KDIR --enforce-signatures";
    let said = refused(&mut check(&scene, &format!("ring.ko {enforced}")), 1);
    assert!(
        said.contains("Loading of unsigned module is rejected. The kernel only"),
        "{said}"
    );
    assert!(said.contains("\n    kbuild-rs sign FILE"), "{said}");
    let mut sign = Command::new(program());
    sign.args(["sign", "ring.ko", "-o", "signed.ko", "--hash", "sha256"]);
    sign.args(["--key", "mok.key", "--cert", "mok.pem"]);
    built(sign.current_dir(scene.out.path()));
    // Nothing says whether the kernel knows the key.
    let said = refused(&mut check(&scene, &format!("signed.ko {enforced}")), 1);
    assert!(
        said.contains("warning: signed.ko: ") && said.contains("key of mok, "),
        "{said}"
    );
    let output = run::run(&mut check(&scene, &format!("signed.ko {enforced}")), LIMIT).unwrap();
    assert!(
        output.out().starts_with("signed.ko: unclear on "),
        "{}",
        output.out()
    );
    built(&mut check(
        &scene,
        &format!("signed.ko {enforced} --trusted-cert mok.pem"),
    ));
    let line = format!("signed.ko {enforced} --trusted-cert other.pem");
    let said = refused(&mut check(&scene, &line), 1);
    assert!(
        said.contains("Loading of module with unavailable key is rejected"),
        "{said}"
    );
    // Changed after it was signed: no kernel that knows the key takes it.
    let mut bytes = fs::read(path("signed.ko")).unwrap();
    let at = bytes
        .windows(8)
        .position(|part| part == b"license=")
        .unwrap();
    bytes[at + 8] = b'X';
    fs::write(path("signed.ko"), bytes).unwrap();
    let said = refused(
        &mut check(&scene, "signed.ko --kernel KDIR --trusted-cert mok.pem"),
        1,
    );
    assert!(
        said.contains("Key was rejected by service. The module was changed"),
        "{said}"
    );
    // Optional signatures only taint.
    built(&mut check(
        &scene,
        "ring.ko --kernel KDIR --trusted-cert mok.pem",
    ));
}
