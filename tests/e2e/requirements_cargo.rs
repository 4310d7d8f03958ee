//! Stated requirements in build scripts.

use std::fs;
use std::process::Command;

use kbuild_tests::run;

use crate::requirements::kernels;
use crate::scene::*;
use crate::support::kernel_tree::link_kernel;
use crate::support::project::{Project, manifest};
use crate::support::*;

const SCRIPT: &str = r#"
fn main() {
    let mut build = kbuild::Build::new();
    build.file("hello.c").requires_config("CONFIG_NET: it opens a socket");
    let has = match build.try_compile("hello") {
        Ok(_) => "with",
        Err(error) if error.kind() == kbuild::ErrorKind::RequirementNotMet => "without",
        Err(error) => panic!("{error}"),
    };
    println!("cargo:rustc-env=HAS={has}");
}
"#;

#[test]
fn a_build_script_can_do_without_the_module_and_runs_again_when_the_kernel_changes() {
    // The kernel without CONFIG_NET.
    let Some(small) = kernels(&["7.3"]).pop() else {
        return;
    };
    let project = Project::new(&[
        ("Cargo.toml", &(manifest("net", "", "") + "[workspace]\n")),
        ("build.rs", SCRIPT),
        (
            "src/main.rs",
            "fn main() { println!(\"{}\", env!(\"HAS\")); }\n",
        ),
        ("hello.c", HELLO),
    ]);
    let scratch = tempfile::tempdir().unwrap();
    let own = ["include", "include/config"];
    let kernel = link_kernel(&small, &scratch.path().join("k"), &own);
    let config = kernel.kdir.join("include/config/auto.conf");
    let text = fs::read_to_string(&config).unwrap();
    let build = || {
        let outcome = project.built(&mut project.cargo_for(&kernel));
        let mut program = Command::new(project.program("net"));
        (outcome, run::checked(&mut program, LIMIT).unwrap().out())
    };
    assert_eq!(build().1, "without\n");
    let (again, _) = build();
    assert!(again.ran.is_empty(), "{}", again.said);
    fs::remove_file(&config).unwrap();
    fs::write(&config, text.clone() + "CONFIG_NET=y\n").unwrap();
    assert_eq!(build().1, "with\n");

    // A script for several kernels leaves this one out; one for this kernel fails.
    fs::remove_file(&config).unwrap();
    fs::write(&config, text).unwrap();
    let several = "fn main() { kbuild::Build::new().file(\"hello.c\").requires_config(\"NET\")\
                   .compile_each(\"hello\"); }\n";
    write(
        &project.dir,
        &[
            ("build.rs", several),
            (
                "src/main.rs",
                "static HELLO: &[(&str, &[u8])] = include!(env!(\"HELLO_KO_TABLE\"));\n\
             fn main() { for (release, _) in HELLO { println!(\"{release}\"); } }\n",
            ),
        ],
    );
    let said = project.fails(&mut project.cargo_for(&kernel));
    assert!(said.contains("error: hello cannot be built for"), "{said}");
    let other = kernel_at(1);
    let mut both = project.cargo_for(&kernel);
    let dirs = std::env::join_paths([&other.kdir, &kernel.kdir]).unwrap();
    let outcome = project.built(both.env("KDIR", dirs).env("KBUILD_RS_CC", "gcc-12"));
    assert!(
        outcome
            .said
            .contains("warning: net@0.1.0: hello cannot be built for"),
        "{}",
        outcome.said
    );
    let listed = run::checked(&mut Command::new(project.program("net")), LIMIT).unwrap();
    assert_eq!(listed.out(), format!("{}\n", other.release));
}
