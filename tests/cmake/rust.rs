//! Modules in Rust: their inputs, the effects of edits, and refused projects.

use std::fs;
use std::path::{Path, PathBuf};

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::run;
use kbuild_tests::snapshot::Snapshot;
use serde_json::Value;

use crate::project::*;
use crate::support::*;

/// The smallest module, for any kernel with Rust.
pub(crate) const HELLO_RS: &str = "\
//! The smallest module.

use kernel::prelude::*;

#[cfg(several_authors)]
module! { type: Hello, name: \"hello\", authors: [\"-\"], description: \"-\", license: \"GPL\", }
#[cfg(not(several_authors))]
module! { type: Hello, name: \"hello\", author: \"-\", description: \"-\", license: \"GPL\", }

struct Hello;

impl kernel::Module for Hello {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Hello)
    }
}
";

const NOTHING: [&str; 0] = [];

/// One of the lab's kernels with Rust.
pub(crate) fn kernel_with_rust(name: &str) -> Option<LabKernel> {
    if let Some(why) = lab::why_not(name) {
        println!("not run: {name}: {why}");
        return None;
    }
    Some(lab::kernel(name).unwrap())
}

/// The project tests/cmake/projects/rust, for a kernel with Rust.
fn project(with: With, kernel: &LabKernel) -> Project {
    let project = Project::for_kernel(with, kernel, &[]);
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("cmake/projects/rust");
    copy(&from.join("."), &project.source());
    project
}

/// A module of the project. One of the modules is in a folder of its own.
fn module(project: &Project, name: &str) -> PathBuf {
    let below = Path::new("kbuild-out").join(project.release());
    let folder = match name {
        "tree.ko" => project.build_dir().join("tree").join(below),
        _ => project.build_dir().join(below),
    };
    folder.join(name)
}

/// Whether a module contains a text.
fn holds(project: &Project, name: &str, text: &str) -> bool {
    let bytes = fs::read(module(project, name)).unwrap();
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// Builds the project for the first time, and again after an edit of an inner file.
fn is_built(project: &Project) {
    project.configured(&[]);
    let source = Snapshot::take(project.source()).unwrap();
    assert_eq!(project.builds(), ["hello", "made", "ring", "tree"]);
    assert_untouched(&source, &project.source());
    assert_eq!(project.builds(), NOTHING);
    let info = |name| kbuild::ModuleInfo::read(module(project, name)).unwrap();
    assert_eq!(info("hello.ko").depends, ["ring"]);
    assert_eq!(info("made.ko").description.unwrap(), "version 1.2.3");
    assert_eq!(info("tree.ko").description.unwrap(), "Was there before");
    assert!(holds(project, "made.ko", "first table word"));

    project.edit("inner.rs", "first", "second");
    assert_eq!(project.builds(), ["hello"]);
    assert!(holds(project, "hello.ko", "second inner word"));
    assert_eq!(project.builds(), NOTHING);
}

#[test]
fn a_module_in_rust_and_c_is_built_again_when_any_of_its_files_changes() {
    let Some(kernel) = kernel_with_rust("7.3") else {
        return;
    };
    let project = project(CORNERS[1], &kernel);
    is_built(&project);
    for (file, from, to, built) in [
        ("table.txt", "first", "second", "made"),
        ("tree/below.rs", "first", "second", "tree"),
        // A rule creates this header, which C and Rust use.
        ("most.txt", "40", "41", "hello"),
        // The user of its symbols cannot see this change.
        ("ring.c", "pushed += number", "pushed += 2 * number", "ring"),
    ] {
        project.edit(file, from, to);
        assert_eq!(project.builds(), [built], "{file}");
    }
    assert!(holds(&project, "made.ko", "second table word"));
    assert!(holds(&project, "tree.ko", "second word below"));
    assert!(holds(&project, "hello.ko", "hello there"));
    project.configured(&["-DGREETING=it's $(word), <a> & 100 %"]);
    assert_eq!(project.builds(), ["hello"], "a cfg");
    assert!(holds(&project, "hello.ko", "good morning"));
    assert_eq!(project.builds(), NOTHING);

    // The files for editors: of each folder, and of the whole project.
    let (source, build) = (project.source(), project.build_dir());
    let here = [build.join("made.rs"), source.join("hello.rs")];
    let below = [source.join("tree/tree.rs")];
    assert_eq!(roots(&module(&project, "rust-project.json")), here);
    project.configured(&["-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]);
    built(&mut project.build_with_jobs(2));
    let all = [&here[..], &below].concat();
    assert_eq!(roots(&build.join("rust-project.json")), all);
}

/// The roots of a project's own crates in the file for editors.
fn roots(file: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap();
    let project: Value = serde_json::from_str(&text).unwrap();
    let crates = project["crates"].as_array().unwrap().iter();
    let own = crates.filter(|one| one["is_workspace_member"] == true);
    let root = |one: &Value| one["root_module"].as_str().unwrap().into();
    let mut roots: Vec<PathBuf> = own.map(root).collect();
    roots.sort();
    roots
}

#[test]
fn the_same_project_is_built_for_an_older_kernel_with_makefiles() {
    if let Some(kernel) = kernel_with_rust("6.12-rust") {
        is_built(&project(CORNERS[0], &kernel));
    }
}

#[test]
fn the_tools_for_rust_are_those_that_the_project_names() {
    let Some(kernel) = kernel_with_rust("7.3") else {
        return;
    };
    let project = project(CORNERS[1], &kernel);
    for (argument, says) in [
        (
            "-DKbuild_CLIPPY=ON",
            "the rustc that compiles this module has no clippy",
        ),
        (
            "-DKbuild_RUSTC=no-rustc",
            "RUSTC=no-rustc: there is no such program",
        ),
        (
            "-DKbuild_BINDGEN=no-bindgen",
            "the program no-bindgen, which declares C headers",
        ),
    ] {
        let _ = fs::remove_dir_all(project.build_dir());
        project.configured(&[argument]);
        let mut build = project.build_with_jobs(1);
        let output = run::run(build.args(["--target", "hello"]), LIMIT).unwrap();
        let said = output.out() + &output.err();
        assert!(!output.status.success() && said.contains(says), "{said}");
    }
}

#[test]
fn a_kernel_without_rust_is_refused_before_anything_is_built() {
    let Some(name) = lab::names().iter().find(|name| **name == "6.1") else {
        println!("not run: the lab has one kernel here");
        return;
    };
    let kernel = lab::kernel(name).unwrap();
    let project = project(CORNERS[0], &kernel);
    fails_with(&project.configure(&[]), "Kbuild_KERNEL_RUST is OFF");
    project.edit("CMakeLists.txt", "NOT Kbuild_KERNEL_RUST", "FALSE");
    let source = project.source().join("hello.rs");
    let says = format!(
        "kbuild_add_module(hello): {} is written in Rust, and the kernel {} ({}) was built without CONFIG_RUST=y",
        source.display(),
        kernel.release,
        kernel.kdir.display()
    );
    fails_with(&project.configure(&[]), &says);
}
