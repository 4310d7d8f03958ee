use std::path::PathBuf;

use super::catalog::Catalog;
use super::*;
use crate::kernel::fixture::Root;

/// The hints about lines of rustc. The kernel's Rust is below `root`.
fn said(root: &Root, lines: &str) -> String {
    let know = Knowledge {
        release: "7.3.0".into(),
        kernel_dir: root.join("k"),
        kernel_source: root.join("k"),
        ..Knowledge::default()
    };
    let mut rustc = Rustc::default();
    let mut all = Vec::new();
    for line in lines.lines().chain([""]) {
        all.extend(rustc.hear(line, &know).into_iter().map(|(_, text)| text));
    }
    all.extend(rustc.summary(&know));
    all.join("\n\n")
}

fn place(root: &Root, line: usize, column: usize) -> String {
    format!(" --> {}:{line}:{column}", root.join("a.rs").display())
}

#[test]
fn the_key_that_this_kernels_macro_takes_is_read_off_its_message() {
    let root = Root::new();
    for (lines, wanted) in [
        (
            "error: unknown key \"author\". Valid keys are: [\"type\", \"name\", \"authors\"].",
            "authors: [\"…\"]",
        ),
        (
            "error: proc macro panicked\n  = help: message: Unknown key \"authors\". Valid keys \
             are: [\"type\", \"author\"].",
            "author: \"…\"",
        ),
        (
            "error: unknown key \"autor\". Valid keys are: [\"author\"].",
            "",
        ),
        (
            "error: unknown key \"author\". Valid keys are: [\"name\"].",
            "",
        ),
    ] {
        let text = said(&root, lines);
        assert!(text.contains(wanted), "{lines}: {text}");
        assert_eq!(text.is_empty(), wanted.is_empty(), "{lines}: {text}");
    }
}

#[test]
fn a_file_beside_the_crate_is_told_from_a_module_of_it_and_from_what_is_not_there() {
    let root = Root::new();
    root.write("a.rs", "use util::x;\n");
    root.write("util.rs", "");
    let at = place(&root, 1, 5);
    let forms = [
        // 1.85, 1.85 where another crate has such a module, 1.95.
        "error[E0432]: unresolved import `util`\nAT\n  |     ^^^^ use of undeclared crate or module `util`",
        "error[E0432]: unresolved import `util`\nAT\n  |     ^^^^ help: a similar path exists: `zerocopy::util`",
        "error[E0433]: cannot find module or crate `util` in this scope\nAT",
        "error[E0433]: failed to resolve: use of undeclared crate or module `util`\nAT",
        "error[E0432]: unresolved import `crate::util`\nAT\n  |  ^^^^ could not find `util` in the crate root",
        "error[E0433]: failed to resolve: could not find `util` in the crate root\nAT",
    ];
    for form in forms {
        let text = said(&root, &form.replace("AT", &at));
        assert!(text.ends_with("\n  mod util;"), "{form}: {text}");
        let text = said(&root, &form.replace("AT", &at).replace("util", "none"));
        assert_eq!(text, "", "{form}");
    }
    for form in [
        // The module is there, and the path is wrong.
        "error[E0432]: unresolved import `util`\nAT\n  |     ^^^^ help: a similar path exists: `crate::util`",
        "error[E0432]: unresolved import `util::gone`\nAT\n  |     ^^^^ no `gone` in `util`",
    ] {
        assert_eq!(said(&root, &form.replace("AT", &at)), "", "{form}");
    }
    root.write("other.rs", "pub(crate) mod util;\n");
    for form in forms {
        assert_eq!(said(&root, &form.replace("AT", &at)), "", "{form}");
    }
}

#[test]
fn a_prefix_is_explained_unless_the_macro_that_declares_it_failed() {
    let root = Root::new();
    let missing =
        "error[E0425]: cannot find value `__LOG_PREFIX` in the crate root\n --> /s/a.rs:4:5\n\n";
    let text = said(&root, missing);
    assert!(
        text.contains("const __LOG_PREFIX: &[u8] = b\"a\\0\";"),
        "{text}"
    );
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
        // Where the crate has it, rustc offers it.
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
    assert!(text.contains("for Vec: KVec: "), "{text}");
}

#[test]
fn what_replaces_the_standard_library_is_what_this_kernel_knows() {
    let root = Root::new();
    root.write(
        "a.rs",
        "use std::{collections::HashMap, fmt::Write, sync::atomic::AtomicU8, vec::Vec, fs::File, \
         time::Duration, ffi::OsString};\n",
    );
    let lines = format!(
        "error[E0433]: failed to resolve: use of undeclared crate or module `std`\n{}\n\n\
         error: cannot find macro `format` in this scope\n\n\
         error[E0599]: no method named `to_string` found for reference `&'static str` in the current scope",
        place(&root, 1, 5)
    );
    root.write("k/rust/libkernel.rmeta", "..KVec..RBTree..");
    let text = said(&root, &lines);
    for wanted in [
        "\n  for Vec: KVec: let mut v",
        "\n  for HashMap: kernel::rbtree::RBTree",
        "\n  for std::fmt: core::fmt",
        "\n  for std::sync::atomic: core::sync::atomic",
        "\n  for std::time: core::time",
        "\n  for std::fs::File: nothing: only programs",
        "\n  for std::ffi::OsString: no name in core",
    ] {
        assert!(text.contains(wanted), "no {wanted} in {text}");
    }
    assert!(!text.contains("CString"), "{text}");
    let extern_crate = format!(
        "error[E0463]: can't find crate for `alloc`\n{}",
        place(&root, 9, 1)
    );
    assert!(said(&root, &extern_crate).contains("for std and alloc: core"));
    root.write("k/rust/libkernel.rmeta", "..VecExt..CString..");
    let text = said(&root, &lines);
    assert!(
        text.contains("for Vec: Vec of kernel::prelude::*"),
        "{text}"
    );
    assert!(
        text.contains("for format!, to_string(): kernel::str::CString"),
        "{text}"
    );
    assert!(!text.contains("RBTree"), "{text}");
}

#[test]
fn a_path_into_the_kernels_crates_is_looked_up_and_no_other() {
    let root = Root::new();
    root.write(
        "k/rust/kernel/lib.rs",
        "pub mod types;\n#[cfg(CONFIG_NET)]\npub mod net;\npub mod a;\npub mod b;\npub mod prelude;\n",
    );
    root.write(
        "k/rust/kernel/types.rs",
        "pub struct ARef;\nuse crate::a::Hidden;\n",
    );
    root.write("k/rust/kernel/net.rs", "pub struct Socket;\n");
    root.write(
        "k/rust/kernel/a.rs",
        "pub struct Many;\npub trait Hidden {}\n",
    );
    root.write("k/rust/kernel/b.rs", "pub struct Many;\n");
    root.write("k/rust/kernel/prelude.rs", "pub use crate::types::ARef;\n");
    root.write("k/include/generated/rustc_cfg", "--cfg=CONFIG_PCI\n");
    let of = |source: &str, headline: &str, rest: &str| {
        root.write("a.rs", source);
        let column = source.find('^').map_or(5, |at| at + 1);
        root.write("a.rs", source.replace('^', ""));
        said(
            &root,
            &format!("error{headline}\n{}\n{rest}", place(&root, 1, column)),
        )
    };
    for (source, headline, wanted) in [
        (
            "use kernel::sync::aref::ARef;",
            "[E0432]: unresolved import `kernel::sync::aref`",
            "ARef is elsewhere, and in kernel::prelude::*:\n  use kernel::types::ARef;",
        ),
        (
            "fn f() { kernel::^old::ARef::new() }",
            "[E0433]: cannot find `old` in `kernel`",
            "\n  use kernel::types::ARef;",
        ),
        (
            "use kernel::net::Socket;",
            "[E0432]: unresolved import `kernel::net`",
            "\n  #[cfg(CONFIG_NET)]",
        ),
        (
            "use kernel::net::Other;",
            "[E0432]: unresolved import `kernel::net`",
            "kernels built with CONFIG_NET",
        ),
        (
            "use kernel::c::Many;",
            "[E0432]: unresolved import `kernel::c`",
            "Import the one that you mean:\n  use kernel::a::Many;\n  use kernel::b::Many;",
        ),
        (
            "use kernel::types::Hidden;",
            "[E0603]: trait `Hidden` is private",
            "\n  use kernel::a::Hidden;",
        ),
        (
            "use kernel::types::Gone;",
            "[E0432]: unresolved import `kernel::types::Gone`",
            "has no kernel::types::Gone, and its Rust crates have nothing else",
        ),
        (
            "use kernel::bindings::gone;",
            "[E0432]: unresolved import `kernel::bindings::gone`",
            "--bindings-item 'gone'\n",
        ),
        (
            "fn f() { bindings::^gone() }",
            "[E0425]: cannot find function `gone` in crate `bindings`",
            "--bindings-item 'gone'\n",
        ),
        (
            "fn f() { bindings::^gone() }",
            "[E0425]: cannot find function `gone` in module `bindings`",
            "",
        ),
        (
            "use crate::kernel::Gone;",
            "[E0432]: unresolved import `crate::kernel`",
            "",
        ),
        (
            "use other::types::Gone;",
            "[E0432]: unresolved import `other::types`",
            "",
        ),
        (
            "use kernel::types::Own;",
            "[E0603]: struct `Own` is private",
            "",
        ),
    ] {
        let text = of(source, headline, "");
        assert!(text.contains(wanted), "{source}: {text}");
        assert_eq!(text.is_empty(), wanted.is_empty(), "{source}: {text}");
    }
    let similar = "  | help: a similar name exists in the module: `ARef`";
    let headline = "[E0432]: unresolved import `kernel::types::ARff`";
    assert_eq!(of("use kernel::types::ARff;", headline, similar), "");
}

#[test]
fn without_the_kernels_sources_the_hint_names_the_folder_to_look_in() {
    let root = Root::new();
    let text = said(
        &root,
        "error[E0432]: unresolved import `kernel::types::ARef`\n --> /none.rs:1:5",
    );
    assert!(text.contains("Look for ARef in rust/kernel"), "{text}");
    assert_eq!(Catalog::of(&PathBuf::from("/none")).find("ARef"), []);
}
