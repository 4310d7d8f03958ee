//! docs/signing.md: its commands run, and print what it shows; its tables are those of the sources.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::packages;
use kbuild_tests::{run, scope};

use super::desk::Desk;
use crate::support::project::root;
use crate::support::*;

/// The section that needs a token.
const TOKEN: &str = "Use a key on a token";
const PIN: &str = "4321";
/// The working directory in the page.
const FOLDER: &str = "/home/me/hello/";

/// (title, the lines of its console blocks)
fn sections() -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(root().join("docs/signing.md")).unwrap();
    let sections = page.split("\n## ").skip(1).map(|section| {
        let (title, body) = section.split_once('\n').unwrap();
        let blocks = body.split("```console\n").skip(1);
        let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
        (title.to_owned(), lines.map(str::to_owned).collect())
    });
    sections.collect()
}

/// A folder as the page has it: the module in `kbuild-out/`, and programs in front of the system's.
fn desk() -> Desk {
    let desk = Desk::new();
    fs::create_dir(desk.path("kbuild-out")).unwrap();
    fs::copy(desk.path("hello.ko"), desk.path("kbuild-out/hello.ko")).unwrap();
    fs::copy(desk.path("hello.ko"), desk.path("unsigned.ko")).unwrap();
    for name in ["mok.key", "mok.pem", "mok.der"] {
        fs::remove_file(desk.path(name)).unwrap();
    }
    let program = format!(
        "#!/bin/sh\nverb=$1\nshift\nexec {} \"$verb\" --kernel {} \"$@\"\n",
        program().display(),
        desk.kernel.kdir.display()
    );
    // Only a machine with UEFI can enrol anything.
    let mokutil =
        "#!/bin/sh\n[ \"$1\" = --import ] && openssl x509 -inform DER -noout -in \"$2\"\n";
    let bin = desk.path("bin");
    write(&bin, &[("kbuild-rs", &program), ("mokutil", mokutil)]);
    for name in ["kbuild-rs", "mokutil"] {
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    desk
}

/// Runs the commands of a section; each line below a command is one that it prints.
fn follow(desk: &Desk, lines: &[String], set: &dyn Fn(&mut Command)) {
    let mut said = String::new();
    for line in lines {
        let Some(line) = line.strip_prefix("$ ") else {
            if line == "…" {
                continue;
            }
            let wanted = line.replace("6.12.117+deb12-amd64", &desk.kernel.release);
            assert!(
                said.lines().any(|line| line == wanted),
                "{wanted}\nis not in\n{said}"
            );
            continue;
        };
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", line])
            .current_dir(desk.path(""))
            .env("PATH", format!("{}:{path}", desk.path("bin").display()));
        set(&mut shell);
        let output = run::run(&mut shell, LIMIT).unwrap();
        said = [output.out(), output.err()].concat();
        said = said.replace(desk.path("").to_str().unwrap(), FOLDER);
        assert!(output.status.success(), "{line}\n{said}");
    }
}

#[test]
fn every_command_in_the_guide_to_signing_does_what_it_shows() {
    let desk = desk();
    let mut commands = 0;
    for (title, lines) in sections() {
        if title != TOKEN {
            follow(&desk, &lines, &|shell| {
                shell.env("KBUILD_SIGN_PIN", "pass-phrase");
            });
            commands += lines.iter().filter(|line| line.starts_with("$ ")).count();
        }
    }
    assert!(commands >= 9, "{commands}");
}

#[test]
fn a_key_on_a_token_signs_and_its_pin_is_not_told() {
    if !scope::is_full() {
        return;
    }
    packages::install(&["softhsm2", "libengine-pkcs11-openssl"]).unwrap();
    let module = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
    ];
    let module = module
        .into_iter()
        .find(|path| Path::new(path).exists())
        .unwrap();
    let desk = desk();
    fs::create_dir(desk.path("tokens")).unwrap();
    let conf = format!("directories.tokendir = {}\n", desk.path("tokens").display());
    fs::write(desk.path("softhsm2.conf"), conf).unwrap();
    let set = |command: &mut Command| {
        command
            .env("SOFTHSM2_CONF", desk.path("softhsm2.conf"))
            .env("PKCS11_MODULE_PATH", module)
            .env("KBUILD_SIGN_PIN", PIN);
    };
    let sections = sections();
    let section = |wanted: &str| sections.iter().find(|(title, _)| title == wanted).unwrap();
    follow(&desk, &section("Make a key and enrol it").1, &set);
    follow(&desk, &section("Sign a module").1, &set);
    let expected = desk.read("kbuild-out/hello.ko");
    let prepare = [
        format!("$ softhsm2-util --init-token --free --label mok --so-pin 9876 --pin {PIN}"),
        "$ openssl pkcs8 -topk8 -nocrypt -in mok.key -out pkcs8.key".to_owned(),
        format!(
            "$ softhsm2-util --import pkcs8.key --token mok --label signing --id a1 --pin {PIN}"
        ),
    ];
    follow(&desk, &prepare, &set);
    follow(&desk, &section(TOKEN).1, &set);
    assert!(desk.read("kbuild-out/hello.ko") == expected);
    let mut wrong = desk.sign("hello.ko --key pkcs11:token=mok;object=signing --cert mok.der");
    set(&mut wrong);
    let said = refused(wrong.env("KBUILD_SIGN_PIN", "7531"), 1);
    assert!(
        said.contains("A token counts wrong PINs") && !said.contains("7531"),
        "{said}"
    );
}

#[test]
fn the_guide_to_signing_has_every_place_in_which_keys_are_looked_for() {
    let page = fs::read_to_string(root().join("docs/signing.md")).unwrap();
    let keys = fs::read_to_string(root().join("kbuild-rs/src/module/sign/keys.rs")).unwrap();
    let keys = keys.split("#[cfg(test)]").next().unwrap();
    let places = keys.split('"').filter(|word| {
        let is_path = word.starts_with("var/lib/") || word.starts_with("etc/");
        is_path || word.starts_with("MODULES_SIGN_")
    });
    let mut found = 0;
    for place in places {
        assert!(page.contains(&format!("{place}`")), "{place}");
        found += 1;
    }
    assert!(found >= 9, "{found}");
}
