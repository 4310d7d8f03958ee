use super::{Listener, crate_files};
use crate::fixture::Root;
use crate::make::diagnose::BuildFacts;

/// The hints about lines of rustc. The kernel's Rust is below `root`.
fn said(root: &Root, lines: &str) -> String {
    let facts = BuildFacts {
        release: "7.3.0".into(),
        kernel_dir: root.join("k"),
        kernel_source: root.join("k"),
        ..BuildFacts::default()
    };
    let mut rustc = Listener::default();
    let mut all = Vec::new();
    for line in lines.lines().chain([""]) {
        all.extend(rustc.hear(line, &facts));
    }
    all.extend(rustc.explain_together(&facts));
    let texts: Vec<String> = all
        .into_iter()
        .map(|explanation| explanation.text)
        .collect();
    texts.join("\n\n")
}

fn place(root: &Root, line: usize, column: usize) -> String {
    format!(" --> {}:{line}:{column}", root.join("a.rs").display())
}

#[test]
fn a_key_that_no_kernels_macro_has_is_not_explained() {
    let root = Root::new();
    for lines in [
        "error: unknown key \"autor\". Valid keys are: [\"author\"].",
        "error: unknown key \"author\". Valid keys are: [\"name\"].",
    ] {
        assert_eq!(said(&root, lines), "", "{lines}");
    }
}

#[test]
fn a_module_of_the_crate_and_a_file_that_is_not_there_are_no_files_beside_the_crate() {
    let root = Root::new();
    let at = place(&root, 1, 5);
    let (first, more) = &crate_files::RULES[0].examples;
    let folder = root.join("a.rs").display().to_string().replace("/a.rs", "");
    let examples = [first].into_iter().chain(*more);
    let outputs: Vec<String> = examples
        .map(|example| example.output.replace("{dir}", &folder))
        .collect();
    root.write("a.rs", "use util::x;\n");
    for output in &outputs {
        assert_eq!(said(&root, output), "", "{output}");
    }
    root.write("util.rs", "");
    for output in &outputs {
        assert!(said(&root, output).contains("mod util;"), "{output}");
    }
    for form in [
        // The module exists, and the path is wrong.
        "error[E0432]: unresolved import `util`\nAT\n  |     ^^^^ help: a similar path exists: `crate::util`",
        "error[E0432]: unresolved import `util::gone`\nAT\n  |     ^^^^ no `gone` in `util`",
    ] {
        assert_eq!(said(&root, &form.replace("AT", &at)), "", "{form}");
    }
    root.write("other.rs", "pub(crate) mod util;\n");
    for output in &outputs {
        assert_eq!(said(&root, output), "", "{output}");
    }
}

#[test]
fn a_prefix_is_explained_unless_the_macro_that_declares_it_failed() {
    let root = Root::new();
    let missing =
        "error[E0425]: cannot find value `__LOG_PREFIX` in the crate root\n --> /s/a.rs:4:5\n\n";
    assert!(said(&root, missing).contains("no module!"));
    for other in [
        "error: unknown key \"autor\". Valid keys are: [\"name\"].",
        "error: proc macro panicked",
        "error: cannot find macro `module` in this scope",
        "error[E0433]: failed to resolve: could not find `module_misc` in `kernel`",
    ] {
        assert_eq!(said(&root, &format!("{missing}{other}")), "", "{other}");
    }
    for other in [
        "error: cannot find macro `vec` in this scope",
        "error[E0425]: cannot find value `x` in this scope",
        "error: environment variable `X` not defined at compile time",
    ] {
        assert!(said(&root, &format!("{missing}{other}")).contains("no module!"));
    }
}

#[test]
fn a_name_of_the_crates_own_is_none_of_the_standard_librarys() {
    let root = Root::new();
    root.write("a.rs", "use alloc::gone;\nfn f() -> Vec {}\n");
    root.write("k/rust/libkernel.rmeta", "..KVec..KBox..CString..");
    let vec = "error[E0412]: cannot find type `Vec` in this scope\nAT\n  |  ^^^ not found in this scope\n";
    for lines in [
        // If the crate has the name, rustc proposes it.
        &*format!("{vec}  |\nhelp: consider importing this struct\n  |\n1 + use crate::own::Vec;"),
        &format!("{vec}  |\nnote: struct `crate::own::deep::Vec` exists but is inaccessible"),
        "error: cannot find macro `format` in this scope\nAT\n  = help: have you added the `#[macro_use]` \
         on the module/import?",
        "error[E0412]: cannot find type `Vec` in module `own`\nAT",
        "error[E0432]: unresolved import `alloc::gone`\nAT\n  |     ^^^ no `gone` in `alloc`",
        "error[E0308]: mismatched types\nAT\n1 | error[E0412]: cannot find type `Vec` in this scope",
        "error[E0599]: no method named `to_string` found for struct `Own` in the current scope\nAT",
        "error[E0107]: struct takes 2 generic arguments but 1 generic argument was supplied\nAT\n\
         note: struct defined here\n  --> /s/src/alloc/kvec.rs:2:1",
        "warning: unused import: `std::vec::Vec`\nAT",
        "    error[E0433]: failed to resolve: use of undeclared type `Vec`",
    ] {
        let text = said(&root, &lines.replace("AT", &place(&root, 1, 5)));
        assert_eq!(text, "", "{lines}");
    }
    let text = said(&root, &vec.replace("AT", &place(&root, 2, 11)));
    assert!(text.contains("for Vec: KVec\n      let mut v"), "{text}");
}

#[test]
fn a_name_that_this_kernel_does_not_know_replaces_nothing() {
    let root = Root::new();
    root.write("a.rs", "use std::{collections::HashMap, vec::Vec};\n");
    let lines = format!(
        "error[E0433]: failed to resolve: use of undeclared crate or module `std`\n{}\n\n\
         error: cannot find macro `format` in this scope",
        place(&root, 1, 5)
    );
    for (names, known, unknown) in [
        (
            "..KVec..RBTree..",
            "for HashMap: kernel::rbtree::RBTree",
            "CString",
        ),
        (
            "..VecExt..CString..",
            "for format!: kernel::str::CString",
            "RBTree",
        ),
    ] {
        root.write("k/rust/libkernel.rmeta", names);
        let text = said(&root, &lines);
        assert!(text.contains(known) && !text.contains(unknown), "{text}");
    }
}

#[test]
fn a_path_that_is_not_the_kernels_or_that_rustc_explains_is_not_looked_up() {
    let root = Root::new();
    root.write("k/rust/kernel/lib.rs", "pub mod types;\n");
    root.write("k/rust/kernel/types.rs", "pub struct ARef;\n");
    for (source, column, headline) in [
        (
            "fn f() { bindings::gone() }",
            20,
            "[E0425]: cannot find function `gone` in module `bindings`",
        ),
        (
            "use crate::kernel::Gone;",
            5,
            "[E0432]: unresolved import `crate::kernel`",
        ),
        (
            "use other::types::Gone;",
            5,
            "[E0432]: unresolved import `other::types`",
        ),
        (
            "use kernel::types::Own;",
            5,
            "[E0603]: struct `Own` is private",
        ),
        // The kernel has the name.
        (
            "use kernel::types::ARef;",
            5,
            "[E0432]: unresolved import `kernel::types`",
        ),
    ] {
        root.write("a.rs", source);
        let lines = format!("error{headline}\n{}", place(&root, 1, column));
        assert_eq!(said(&root, &lines), "", "{source}");
    }
    let similar = "error[E0432]: unresolved import `kernel::types::ARff`\n  | help: a similar name \
                   exists in the module: `ARef`";
    assert_eq!(said(&root, similar), "");
}
