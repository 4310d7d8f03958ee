//! docs/check.md: its commands run and print what it shows; its table has every reason.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use kbuild_tests::run;

use super::calls::ring_and_user;
use crate::support::project::root;
use crate::support::*;

/// The working directory and the release of the page.
const FOLDER: &str = "/home/me/hello/";
const RELEASE: &str = "6.12.117+deb12-amd64";

fn page() -> String {
    fs::read_to_string(root().join("docs/check.md")).unwrap()
}

#[test]
fn every_command_in_the_guide_to_check_does_what_it_shows() {
    let scene = ring_and_user();
    let desk = folder(&[]);
    let path = |name: &str| desk.path().join(name);
    copy(scene.out.path(), &path("kbuild-out"));
    fs::copy(
        scene.kernel.kdir.join("Module.symvers"),
        path("Module.symvers"),
    )
    .unwrap();
    // The page's kernel is the default one.
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *--symvers*) exec {0} \"$@\";; esac\nexec {0} \"$@\" --kernel {1}\n",
        program().display(),
        scene.kernel.kdir.display()
    );
    write(&path("bin"), &[("kbuild-rs", &script)]);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path("bin/kbuild-rs"), mode).unwrap();
    let mut said = String::new();
    let mut commands = 0;
    let page = page();
    let blocks = page.split("```console\n").skip(1);
    for line in blocks.flat_map(|block| block.split("```").next().unwrap().lines()) {
        let Some(line) = line.strip_prefix("$ ") else {
            let wanted = line.replace(RELEASE, &scene.kernel.release);
            let is_there = line == "…" || said.lines().any(|line| line == wanted);
            assert!(is_there, "{wanted}\nis not in\n{said}");
            continue;
        };
        let mut shell = Command::new("sh");
        let search = std::env::var("PATH").unwrap();
        shell
            .args(["-ec", line])
            .current_dir(desk.path())
            .env("PATH", format!("{}:{search}", path("bin").display()));
        let output = run::run(&mut shell, LIMIT).unwrap();
        assert!(output.status.success(), "{line}\n{}", output.err());
        let here = format!("{}/", desk.path().display());
        said = [output.out(), output.err()].concat().replace(&here, FOLDER);
        commands += 1;
    }
    assert!(commands >= 5, "{commands}");
}

#[test]
fn the_guide_to_check_has_every_reason_with_words_of_its_message() {
    let page = page();
    let report = root().join("kbuild-rs/src/module/check/report.rs");
    let report = fs::read_to_string(report).unwrap();
    let (_, names) = report.split_once("pub fn as_str(").unwrap();
    let names = names.split("\n    }\n").next().unwrap();
    let names: Vec<&str> = names.split('"').skip(1).step_by(2).collect();
    assert!(names.len() > 12, "{names:?}");
    let sources = ["check", "sign"].map(|folder| {
        crate::kernels_guide::sources(&root().join("kbuild-rs/src/module").join(folder))
    });
    let sources = sources.concat().replace("\\\n", "");
    for name in names {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` | ")));
        let row = row.unwrap_or_else(|| panic!("no row has {name}"));
        let messages = row.split(" | ").nth(1).unwrap();
        for message in messages.split('`').skip(1).step_by(2) {
            let first = message.split('…').next().unwrap().trim_end_matches('\'');
            assert!(sources.contains(first), "{name}: no message has {first}");
        }
    }
}
