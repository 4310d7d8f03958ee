//! Several kernels from one build script: a folder for each, a table to choose from, symbols that
//! stay with their kernel.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::run;
use kbuild_tests::scope;

use crate::chain::{CRATES, chain};
use crate::support::project::{Project, edit, manifest, set_kernel};
use crate::support::{HELLO, LIMIT};

const MAIN: &str = r#"
static HELLO: &[(&str, &[u8])] = include!(env!("HELLO_KO_TABLE"));
fn main() {
    for (release, module) in HELLO {
        println!("{release} {}", module.len());
    }
}
"#;

fn hello() -> Project {
    Project::new(&[
        (
            "Cargo.toml",
            &(manifest("several", "", "") + "[workspace]\n"),
        ),
        (
            "build.rs",
            "fn main() { kbuild::Build::new().file(\"hello.c\").compile_each(\"hello\"); }\n",
        ),
        ("src/main.rs", MAIN),
        ("hello.c", HELLO),
    ])
}

/// Runs Cargo with all of these in `KDIR`.
fn for_all(project: &Project, kernels: &[LabKernel]) -> Command {
    let mut cargo = project.cargo();
    for kernel in kernels {
        set_kernel(&mut cargo, kernel);
    }
    let dirs = kernels.iter().map(|kernel| &kernel.kdir);
    let list: OsString = std::env::join_paths(dirs).unwrap();
    cargo.env("KDIR", list);
    cargo
}

/// Two kernels; all of them in the full run.
fn kernels() -> Vec<LabKernel> {
    let mut kernels = lab::kernels().unwrap();
    if !scope::is_full() {
        kernels.truncate(2);
    }
    kernels
}

#[test]
fn one_script_builds_for_several_kernels_into_a_folder_each() {
    let (project, kernels) = (hello(), kernels());
    a_kernel_named_twice_or_not_there_is_refused_before_anything_is_built(&project, &kernels);
    the_program_gets_a_table_of_releases_and_modules(&project, &kernels);
    a_source_that_one_kernel_does_not_take_names_that_kernel(&project, &kernels);
}

fn a_kernel_named_twice_or_not_there_is_refused_before_anything_is_built(
    project: &Project,
    kernels: &[LabKernel],
) {
    let script = project.dir.join("build.rs");
    edit(&script, "compile_each", "compile");
    let said = project.fails(&mut for_all(project, kernels));
    let error = format!("{} kernels are named", kernels.len());
    assert!(
        said.contains(&error) && said.contains("compile_each"),
        "{said}"
    );

    edit(&script, "compile", "compile_each");
    let twice = [kernels[0].clone(), kernels[0].clone()];
    let said = project.fails(&mut for_all(project, &twice));
    assert!(said.contains("Name each release once"), "{said}");
    assert!(!said.contains("CC "), "{said}");

    let mut missing = kernels.to_vec();
    missing[1].kdir = "/nonexistent/kernel".into();
    let said = project.fails(&mut for_all(project, &missing));
    assert!(said.contains("/nonexistent/kernel"), "{said}");
    assert!(!said.contains("CC "), "{said}");
}

fn the_program_gets_a_table_of_releases_and_modules(project: &Project, kernels: &[LabKernel]) {
    let mut cargo = for_all(project, kernels);
    let outcome = project.built(&mut cargo);
    let mut expected = String::new();
    for kernel in kernels {
        let module = outcome
            .out_dir("several")
            .join(&kernel.release)
            .join("hello.ko");
        let info = kbuild::ModuleInfo::read(&module).unwrap();
        assert_eq!(info.release, kernel.release);
        let length = fs::metadata(&module).unwrap().len();
        expected.push_str(&format!("{} {length}\n", kernel.release));
    }
    let program = || {
        let mut program = Command::new(project.program("several"));
        run::checked(&mut program, LIMIT).unwrap().out()
    };
    assert_eq!(program(), expected);
    let again = project.built(&mut cargo);
    assert!(again.ran.is_empty(), "{}", again.said);

    // Without one kernel, the table has one row less.
    let outcome = project.built(&mut for_all(project, &kernels[1..]));
    assert!(outcome.ran.contains("several"), "{}", outcome.said);
    let (_, rest) = expected.split_once('\n').unwrap();
    assert_eq!(program(), rest);

    project.built(for_all(project, kernels).env("KBUILD_RS_SKIP", "1"));
    assert_eq!(program(), "");
}

fn a_source_that_one_kernel_does_not_take_names_that_kernel(
    project: &Project,
    kernels: &[LabKernel],
) {
    // The first kernel is older than all others.
    edit(
        &project.dir.join("hello.c"),
        "MODULE_LICENSE",
        "#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0)\n#error too old\n#endif\nMODULE_LICENSE",
    );
    edit(
        &project.dir.join("hello.c"),
        "#include",
        "#include <linux/version.h>\n#include",
    );
    let said = project.fails(&mut for_all(project, kernels));
    assert!(said.contains("too old"), "{said}");
    let error = format!("error: cannot build hello for {}", kernels[0].release);
    assert!(said.contains(&error), "{said}");
}

#[test]
fn each_kernel_is_linked_against_the_symbols_that_were_built_for_it() {
    let project = chain("compile_each");
    let kernels = kernels();
    let outcome = project.built(&mut for_all(&project, &kernels));
    assert_eq!(outcome.scripts(), CRATES);
    for kernel in &kernels {
        let folder = outcome.out_dir("top").join(&kernel.release);
        let mut info = kbuild::ModuleInfo::read(folder.join("top.ko")).unwrap();
        info.depends.sort();
        assert_eq!(info.depends, ["base", "middle"], "{}", kernel.release);
        assert_eq!(info.release, kernel.release);
    }
}
