//! However many crates with modules are built at once, no more compilers run than the outer build
//! has tokens for.

use std::process::Command;

use kbuild_tests::run;

use crate::support::project::{Project, any_kernel, manifest};
use crate::support::recorder::Recorder;
use crate::support::{HELLO, LIMIT, write};

const CRATES: usize = 4;
const PARTS: usize = 5;

/// A workspace of crates that know nothing of each other, each with a module of several sources.
fn crates() -> Project {
    let members: Vec<_> = (0..CRATES).map(|i| format!("\"crate{i}\"")).collect();
    let workspace = format!(
        "[workspace]\nmembers = [{}]\nresolver = \"3\"\n",
        members.join(", ")
    );
    let project = Project::new(&[("Cargo.toml", &workspace)]);
    for i in 0..CRATES {
        let library = crate::support::project::root().join("kbuild-rs");
        let manifest =
            manifest(&format!("crate{i}"), "", "").replace("@KBUILD@", library.to_str().unwrap());
        let mut files = vec![
            ("Cargo.toml".to_owned(), manifest),
            ("src/lib.rs".to_owned(), String::new()),
            ("main.c".to_owned(), HELLO.to_owned()),
        ];
        let mut script = "fn main() { kbuild::Build::new().file(\"main.c\")".to_owned();
        for part in 0..PARTS {
            let text =
                format!("int part{part}(void);\nint part{part}(void) {{ return {part}; }}\n");
            files.push((format!("part{part}.c"), text));
            script += &format!(".file(\"part{part}.c\")");
        }
        script += &format!(".compile(\"many{i}\"); }}\n");
        files.push(("build.rs".to_owned(), script));
        for (path, text) in &files {
            write(&project.dir.join(format!("crate{i}")), &[(path, text)]);
        }
    }
    project
}

#[test]
fn cargo_with_four_jobs_never_has_more_than_four_compilers() {
    let kernel = any_kernel();
    let project = crates();
    let recorder = Recorder::of(&kernel);
    let mut cargo = project.cargo_for(&kernel);
    project.built(cargo.arg("-j4").env("KBUILD_RS_CC", recorder.compiler()));
    let most = recorder.peak(CRATES * PARTS);
    assert!((2..=4).contains(&most), "{most} at once");
}

#[test]
fn under_make_with_four_jobs_there_are_never_more_than_four_compilers() {
    let kernel = any_kernel();
    let project = crates();
    let recorder = Recorder::of(&kernel);
    // What an outer build would have: Cargo in a recipe that hands on the jobserver, and another
    // job beside it.
    let mut cargo = project.cargo_for(&kernel);
    cargo.env("KBUILD_RS_CC", recorder.compiler());
    let mut words = vec![cargo.get_program().to_owned()];
    words.extend(cargo.get_args().map(|a| a.to_owned()));
    let line: Vec<_> = words
        .iter()
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let makefile = format!(
        "all: cargo other\ncargo:\n\t+{}\nother:\n\tsleep 1\n.PHONY: all cargo other\n",
        line.join(" ")
    );
    write(&project.dir, &[("Makefile", &makefile)]);
    let mut make = Command::new("make");
    make.arg("-j4").current_dir(&project.dir).env_clear();
    for (name, value) in cargo.get_envs() {
        if let Some(value) = value {
            make.env(name, value);
        }
    }
    let output = run::checked(&mut make, LIMIT).unwrap();
    assert!(
        !output.err().contains("jobserver unavailable"),
        "{}",
        output.err()
    );
    let most = recorder.peak(CRATES * PARTS);
    assert!((2..=4).contains(&most), "{most} at once");
}
