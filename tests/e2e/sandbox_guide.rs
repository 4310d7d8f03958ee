//! docs/sandbox.md: its commands run and print what it shows; and what a dry run says about a sandbox.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::scene::kernel_at;
use crate::support::project::root;
use crate::support::*;

/// The folder that the page allows.
const ALLOWED: &str = "/srv/firmware";
/// The release in the page.
const RELEASE: &str = "6.12.117+deb12-amd64";

/// Somebody who follows the page in a folder with `driver`.
struct Reader {
    folder: TempDir,
}

impl Reader {
    fn new() -> Reader {
        let files = [
            ("driver/hello.c", HELLO),
            ("driver/driver.c", HELLO),
            ("driver/Kbuild", "obj-m := driver.o\n"),
            ("firmware/blob", ""),
        ];
        Reader {
            folder: folder(&files),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command of the page, for a kernel of the lab.
    fn run(&self, line: &str) -> String {
        let kernel = kernel_at(2);
        let firmware = self.path("firmware").display().to_string();
        let cc = kernel.cc.iter().map(|cc| format!(" --cc {cc}"));
        let program = format!(
            "{} build --kernel {}{}",
            program().display(),
            kernel.kdir.display(),
            cc.collect::<String>()
        );
        let line = line.replace("kbuild-rs build", &program);
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", &line.replace(ALLOWED, &firmware)])
            .current_dir(self.folder.path());
        let output = built(&mut shell);
        let said = [output.out(), output.err()].concat();
        said.replace(&kernel.release, RELEASE)
    }
}

/// A line without the seconds of a build.
fn timeless(line: &str) -> String {
    match line.split_once(" in ").zip(line.split_once(" s →")) {
        Some(((before, _), (_, after))) => format!("{before} in N s →{after}"),
        None => line.to_owned(),
    }
}

#[test]
fn every_command_in_the_guide_to_the_sandbox_does_what_it_shows() {
    let page = fs::read_to_string(root().join("docs/sandbox.md")).unwrap();
    let blocks = page.split("```console\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    let reader = Reader::new();
    let (mut said, mut commands) = (String::new(), 0);
    for line in lines {
        if let Some(name) = line.strip_prefix("$ sysctl ") {
            // Some settings exist on some distributions only; the page says on which.
            let file = Path::new("/proc/sys").join(name.replace('.', "/"));
            assert!(page.contains("Debian has the second one"), "{name}");
            said = fs::read_to_string(file).unwrap_or_default();
        } else if let Some(command) = line.strip_prefix("$ ") {
            said = reader.run(command);
            commands += 1;
        } else if line != "…" {
            let is_there = said.lines().any(|one| timeless(one) == timeless(line));
            assert!(is_there, "{line}\nis not in\n{said}");
        }
    }
    assert!(commands >= 3, "{commands}");
    assert!(reader.path("kbuild-out/driver.ko").exists());
}

#[test]
fn a_dry_run_shows_what_the_sandbox_shows() {
    let reader = Reader::new();
    let plain = reader.run("kbuild-rs build driver --dry-run");
    assert!(!plain.contains("sandbox"), "{plain}");
    let line = "kbuild-rs build driver --sandbox --dry-run";
    let planned = reader.run(line);
    assert!(!reader.path("kbuild-out").exists());
    let shows = |said: &str, what: &str| said.contains(&format!("\n# sandbox: {what}\n"));
    let driver = format!("read {}", reader.path("driver").display());
    assert!(planned.starts_with("# sandbox: no network\n"), "{planned}");
    for what in [&*driver, "read /usr", "write /dev/null", "empty /tmp"] {
        assert!(shows(&planned, what), "{what}\n{planned}");
    }
    let stage = planned
        .lines()
        .filter(|line| line.starts_with("# sandbox: write "));
    let stage: Vec<_> = stage
        .filter(|line| line.contains("kbuild-out/.kbuild"))
        .collect();
    assert!(
        stage.iter().any(|line| line.ends_with("/stage")),
        "{planned}"
    );
    assert!(!planned.contains("firmware"), "{planned}");
    // A shell takes all of it for comments, and then a command.
    let mut sh = Command::new("sh");
    built(sh.args(["-nec", &planned]));

    let allowed = reader.run(&format!(
        "{line} --sandbox-allow network --sandbox-allow read={ALLOWED}"
    ));
    assert!(allowed.starts_with("# sandbox: network\n"), "{allowed}");
    let firmware = format!("read {}", reader.path("firmware").display());
    assert!(shows(&allowed, &firmware), "{allowed}");

    let json = reader.run(&format!("{line} --message-format json"));
    let json = json.lines().find(|line| line.contains("\"plan\"")).unwrap();
    let plan: serde_json::Value = serde_json::from_str(json).unwrap();
    let view = &plan["sandbox"];
    assert_eq!(view["network"], false);
    for list in ["read", "write", "empty"] {
        let paths = view[list].as_array().unwrap();
        let is_line = |path: &serde_json::Value| {
            shows(&planned, &format!("{list} {}", path.as_str().unwrap()))
        };
        assert!(!paths.is_empty() && paths.iter().all(is_line), "{view}");
    }
}

#[test]
fn the_passphrase_of_a_key_is_not_passed_on() {
    let reader = Reader::new();
    let kbuild = "obj-m := driver.o\n$(info the PIN is <$(KBUILD_SIGN_PIN)>)\n";
    write(reader.folder.path(), &[("driver/Kbuild", kbuild)]);
    let build = |flags: &str| {
        reader.run(&format!(
            "export KBUILD_SIGN_PIN=4321; kbuild-rs build driver {flags} --out-dir out{flags}"
        ))
    };
    let said = build("--sandbox");
    assert!(said.contains("the PIN is <>"), "{said}");
    // The control: only the sandbox withholds it.
    let said = build("");
    assert!(said.contains("the PIN is <4321>"), "{said}");
}
