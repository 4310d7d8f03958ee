//! Other commands in the same outer build get their share of the jobs.

use std::process::Command;

use kbuild_tests::run;

use crate::cell::{Tools, in_shell};
use crate::many;
use crate::meeting::Meeting;
use crate::support::project::{Project, manifest, root, set_kernel};
use crate::support::{LIMIT, folder, program, write};

const PARTS: usize = 6;

#[test]
fn another_job_of_the_outer_make_has_its_token_all_the_time() {
    let (tools, kernel) = (Tools::get(), many::kernel());
    let dir = folder(&[]);
    many::write(&dir.path().join("module"), "many", 12);
    let meeting = Meeting::of(3, &kernel);
    let mut build = Command::new(program());
    build.arg("build").arg(dir.path().join("module"));
    build.arg("-o").arg(dir.path().join("out"));
    build.arg("--kernel").arg(&kernel.kdir);
    build.arg("--cc").arg(meeting.compiler());
    let makefile = format!(
        "all: other module\nother:\n\twhile [ ! -e done ]; do sleep 0.1; done\n\
         module:\n\t+{}; touch done\n.PHONY: all other module\n",
        in_shell(&build)
    );
    write(dir.path(), &[("Makefile", &makefile)]);
    let mut make = Command::new(tools.any_make());
    make.arg("-j4")
        .arg("-C")
        .arg(dir.path())
        .env_remove("MAKEFLAGS");
    let output = run::checked(&mut make, LIMIT).unwrap();
    assert_eq!(meeting.most(), 3, "{}", output.err());
    assert_eq!(meeting.arrived().len(), 12, "{}", output.err());
}

/// A workspace of independent crates, each with a module.
fn crates(number: usize) -> Project {
    let members: Vec<_> = (0..number).map(|i| format!("\"crate{i}\"")).collect();
    let workspace = format!(
        "[workspace]\nmembers = [{}]\nresolver = \"3\"\n",
        members.join(", ")
    );
    let project = Project::new(&[("Cargo.toml", &workspace)]);
    let library = root().join("kbuild-rs");
    for i in 0..number {
        let dir = project.dir.join(format!("crate{i}"));
        let manifest = manifest(&format!("crate{i}"), "", "");
        let manifest = manifest.replace("@KBUILD@", library.to_str().unwrap());
        let files = [
            ("Cargo.toml", manifest.as_str()),
            ("src/lib.rs", ""),
            (
                "build.rs",
                "fn main() { kbuild::Build::tree(\"module\").compile_all(); }\n",
            ),
        ];
        write(&dir, &files);
        many::write(&dir.join("module"), &format!("many{i}"), PARTS);
    }
    project
}

#[test]
fn crates_with_modules_have_the_jobs_of_cargo_and_no_more() {
    let kernel = many::kernel();
    let project = crates(4);
    let meeting = Meeting::of(4, &kernel);
    let mut cargo = project.cargo();
    set_kernel(&mut cargo, &kernel);
    cargo.arg("-j4").env("KBUILD_RS_CC", meeting.compiler());
    project.built(&mut cargo);
    assert_eq!(meeting.most(), 4);
    assert_eq!(meeting.arrived().len(), 4 * PARTS);
}
