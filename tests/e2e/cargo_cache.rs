//! The cache of finished modules in build scripts: Cargo runs a script for `build`, `clippy` and each
//! target and profile, and make builds the module once.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run;

use crate::support::makes::Makes;
use crate::support::project::{Outcome, Project, TARGET, any_kernel, edit};
use crate::support::*;

const MANIFEST: &str = "\
[package]
name = \"scratch\"
version = \"0.1.0\"
edition = \"2024\"

[build-dependencies]
kbuild-rs = { path = \"@KBUILD@\", features = [\"cache\"] }

[workspace]
";

const BUILD: &str = "fn main() {\n\
    kbuild::Build::new().file(\"module/hello.c\").make_var(\"PAHOLE_FLAGS\", \"FLAGS\").compile(\"hello\");\n}\n";

/// A package, and the record of the makes of its build script.
struct Package {
    project: Project,
    kernel: LabKernel,
    makes: Makes,
}

impl Package {
    fn new() -> Package {
        let (_, flags) = PAHOLE.split_once('=').unwrap();
        let project = Project::new(&[
            ("Cargo.toml", MANIFEST),
            ("build.rs", &BUILD.replace("FLAGS", flags)),
            (
                "src/main.rs",
                "fn main() {\n    println!(\"{}\", env!(\"HELLO_KO\"));\n}\n",
            ),
            ("module/hello.c", HELLO),
        ]);
        Package {
            project,
            kernel: any_kernel(),
            makes: Makes::new(),
        }
    }

    fn cargo(&self, verb: &str) -> Command {
        let mut cargo = self.project.cargo_to(verb, TARGET);
        self.set(&mut cargo);
        cargo
    }

    /// As [`Self::cargo`], without `--target`: Cargo uses other folders, and has compiled the library
    /// for them, too.
    fn without_target(&self, verb: &str) -> Command {
        let cargo = self.project.cargo_to(verb, TARGET);
        let mut command = Command::new(cargo.get_program());
        let set = cargo.get_envs();
        let set = set.filter(|(name, _)| *name != "RUSTFLAGS");
        command
            .env_clear()
            .envs(set.filter_map(|(name, value)| Some((name, value?))))
            .current_dir(&self.project.dir)
            .args(
                cargo
                    .get_args()
                    .filter(|it| *it != "--target" && *it != TARGET),
            );
        self.set(&mut command);
        command
    }

    fn set(&self, cargo: &mut Command) {
        crate::support::project::set_kernel(cargo, &self.kernel);
        self.makes.record(cargo);
    }

    /// Runs Cargo; returns what happened, and whether make ran.
    fn run(&self, cargo: &mut Command) -> (Outcome, bool) {
        let outcome = self.project.built(cargo);
        (outcome, self.makes.started())
    }

    /// Runs Cargo, which must run the script: whether that started make, and the module.
    fn module(&self, cargo: &mut Command) -> (bool, Vec<u8>) {
        let (outcome, make) = self.run(cargo);
        assert!(outcome.ran.contains("scratch"), "{}", outcome.said);
        let module = fs::read(outcome.out_dir("scratch").join("hello.ko"));
        (make, module.unwrap())
    }
}

fn rerun_lines(outcome: &Outcome) -> BTreeSet<String> {
    let directives = outcome.directives("scratch");
    let lines = directives.lines();
    let lines = lines.filter(|line| line.starts_with("cargo:rerun-if-"));
    lines.map(str::to_owned).collect()
}

#[test]
fn verbs_targets_and_profiles_of_cargo_share_what_make_built_once() {
    let package = Package::new();
    let (first, make) = package.run(&mut package.cargo("build"));
    assert!(make, "{}", first.said);
    let built = fs::read(first.out_dir("scratch").join("hello.ko")).unwrap();
    let lines = rerun_lines(&first);
    assert!(lines.contains("cargo:rerun-if-env-changed=KBUILD_RS_CACHE"));

    // Cargo shares the script of `build` and `check`.
    let (check, make) = package.run(&mut package.cargo("check"));
    assert!(!make && check.ran.is_empty(), "{}", check.said);
    let (clippy, make) = package.run(&mut package.cargo("clippy"));
    assert!(clippy.ran.contains("scratch"), "{}", clippy.said);
    assert_ne!(clippy.out_dir("scratch"), first.out_dir("scratch"));
    let module = fs::read(clippy.out_dir("scratch").join("hello.ko")).unwrap();
    assert!(!make && module == built, "{}", clippy.said);
    // The next edit has to start this script, too.
    assert_eq!(rerun_lines(&clippy), lines);
    assert_eq!(
        package.module(&mut package.without_target("build")),
        (false, built)
    );

    edit(
        &package.project.dir.join("module/hello.c"),
        "bye",
        "good bye",
    );
    let (make, edited) = package.module(&mut package.cargo("clippy"));
    assert!(make);
    for mut cargo in [package.cargo("build"), package.without_target("build")] {
        assert_eq!(package.module(&mut cargo), (false, edited.clone()));
    }
    // The text of before is in the cache, too.
    edit(
        &package.project.dir.join("module/hello.c"),
        "good bye",
        "bye",
    );
    assert!(!package.module(&mut package.cargo("build")).0);

    let mut off = package.without_target("clippy");
    assert!(package.module(off.env("KBUILD_RS_CACHE", "0")).0);

    // The cache goes with the target folder.
    let mut clean = Command::new(env!("CARGO"));
    clean.current_dir(&package.project.dir);
    let target = &package.project.target;
    run::checked(clean.arg("clean").arg("--target-dir").arg(target), LIMIT).unwrap();
    assert!(!target.exists() || fs::read_dir(target).unwrap().next().is_none());
}

#[test]
fn a_target_folder_that_can_hold_no_cache_is_no_failure() {
    let package = Package::new();
    let target = &package.project.target;
    // Everybody may write to it, so everybody could replace the cache.
    let open = |mode| fs::set_permissions(target, fs::Permissions::from_mode(mode)).unwrap();
    open(0o777);
    let (first, make) = package.run(&mut package.cargo("build"));
    assert!(make, "{}", first.said);
    let (clippy, _) = package.run(&mut package.cargo("clippy"));
    let module = |outcome: &Outcome| fs::read(outcome.out_dir("scratch").join("hello.ko")).unwrap();
    assert!(module(&clippy) == module(&first));
    assert!(!clippy.said.contains("warning"), "{}", clippy.said);
}
