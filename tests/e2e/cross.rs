//! `cargo build --target` for another architecture than this machine's.

use std::fs;

use kbuild_tests::lab::{self, Prepared};
use kbuild_tests::run;

use crate::support::project::{Outcome, Project, TARGET, any_kernel, manifest};
use crate::support::{HELLO, LIMIT};

const ARM64: &str = "aarch64-unknown-linux-gnu";

const NOT_HERE: &str = "not run: the lab has a tree for arm64 on Debian only";

fn arm64() -> Option<Prepared> {
    if !lab::has_arm64() {
        return None;
    }
    Some(lab::arm64().unwrap())
}

/// A library, because a program would have to be linked for the target.
fn hello() -> Project {
    Project::new(&[
        ("Cargo.toml", &(manifest("cross", "", "") + "[workspace]\n")),
        (
            "build.rs",
            "fn main() {\n    kbuild::Build::new().file(\"hello.c\")\n\
             \x20       .missing_symvers(kbuild::MissingSymvers::Warn).compile(\"hello\");\n}\n",
        ),
        ("src/lib.rs", "#![no_std]\n"),
        ("hello.c", HELLO),
    ])
}

#[test]
fn a_module_for_arm64_is_built_with_the_cross_compiler_and_the_kernel_of_its_target() {
    let (project, own) = (hello(), any_kernel());
    let Some(tree) = arm64() else {
        println!("{NOT_HERE}");
        return;
    };
    // One environment for both targets: a variable with the target's name names each kernel.
    let build = |target: &str| {
        let mut cargo = project.cargo_to("build", target);
        cargo
            .env("KDIR", &own.kdir)
            .env(format!("KDIR_{ARM64}"), &tree.kdir);
        if let Some(cc) = &own.cc {
            cargo.env(format!("KBUILD_RS_CC_{TARGET}"), cc);
        }
        run::run(&mut cargo, LIMIT).unwrap()
    };
    let outcome = Outcome::of(&build(TARGET));
    let info = kbuild::ModuleInfo::read(outcome.out_dir("cross").join("hello.ko")).unwrap();
    assert_eq!(info.release, own.release, "{}", outcome.said);

    let output = build(ARM64);
    let outcome = Outcome::of(&output);
    // Cargo's steps after the build script need a Rust library for arm64, which few machines have.
    assert!(
        output.status.success() || outcome.said.contains("can't find crate for `core`"),
        "{}",
        outcome.said
    );
    assert!(outcome.ran.contains("cross"), "{}", outcome.said);
    let out = outcome.out_dir("cross");
    assert!(out.to_str().unwrap().contains(ARM64), "{}", out.display());
    let info = kbuild::ModuleInfo::read(out.join("hello.ko")).unwrap();
    assert_eq!(info.release, tree.release);
    let module = fs::read(out.join("hello.ko")).unwrap();
    // e_machine of the ELF header is EM_AARCH64.
    assert_eq!(module[18..20], 183_u16.to_le_bytes());
    let told = outcome.directives("cross");
    assert!(told.contains("has no Module.symvers"), "{told}");
    for name in [
        format!("KDIR_{ARM64}"),
        "KDIR_aarch64_unknown_linux_gnu".into(),
        "TARGET_CROSS_COMPILE".into(),
    ] {
        let line = format!("cargo:rerun-if-env-changed={name}\n");
        assert!(told.contains(&line), "no {line} in {told}");
    }

    let mut cargo = project.cargo_to("build", ARM64);
    cargo
        .env("KDIR", &tree.kdir)
        .env("CROSS_COMPILE", "aarch64-nobody-linux-gnu-");
    let said = project.fails(&mut cargo);
    assert!(said.contains("aarch64-nobody-linux-gnu-gcc"), "{said}");
}

#[test]
fn a_target_that_does_not_fit_the_kernel_is_refused_with_both_names() {
    let project = hello();
    let mut cargo = project.cargo_to("build", ARM64);
    let own = any_kernel();
    cargo.env("KDIR", &own.kdir);
    let said = project.fails(&mut cargo);
    let names = format!("({}) is 64-bit x86", own.release);
    assert!(said.contains(&names) && said.contains(ARM64), "{said}");
    assert!(!said.contains("CC "), "{said}");

    let Some(tree) = arm64() else {
        println!("{NOT_HERE}");
        return;
    };
    let said = project.fails(project.cargo().env("KDIR", &tree.kdir));
    assert!(said.contains("arm64") && said.contains(TARGET), "{said}");
    assert!(!said.contains("CC "), "{said}");
}
