//! Crates whose modules use each other's symbols: what travels through `links`, and what a change
//! to one of them has Cargo and make do in the others.

use std::fs;
use std::path::Path;

use kbuild_tests::scope;

use crate::chain::{CRATES, chain};
use crate::support::project::{Outcome, any_kernel, edit};

fn depends(outcome: &Outcome, name: &str) -> Vec<String> {
    let module = outcome.out_dir(name).join(format!("{name}.ko"));
    let mut depends = kbuild::ModuleInfo::read(&module).unwrap().depends;
    depends.sort();
    depends
}

/// The bytes of the three modules.
fn modules(outcome: &Outcome) -> Vec<Vec<u8>> {
    let read = |name: &str| fs::read(outcome.out_dir(name).join(format!("{name}.ko"))).unwrap();
    CRATES.iter().map(|name| read(name)).collect()
}

#[test]
fn symbols_and_headers_travel_down_a_chain_of_crates() {
    let project = chain("compile");
    for kernel in scope::kernels(0).unwrap() {
        let outcome = project.built(&mut project.cargo_for(&kernel));
        assert_eq!(outcome.scripts(), CRATES, "{}", outcome.said);
        assert_eq!(depends(&outcome, "middle"), ["base"]);
        // It needs both, and depends on the crate `middle` alone.
        assert_eq!(depends(&outcome, "top"), ["base", "middle"]);
        for (name, provided) in [("base", 1), ("middle", 2)] {
            let told = outcome.directives(name);
            let list = |key: &str| {
                let start = format!("cargo:{key}=");
                let line = told.lines().rev().find_map(|l| l.strip_prefix(&*start));
                std::env::split_paths(line.unwrap_or_default()).collect::<Vec<_>>()
            };
            assert_eq!(list("symvers").len(), provided, "{told}");
            assert_eq!(list("include").len(), provided, "{told}");
            assert!(list("symvers").iter().all(|file| file.is_file()), "{told}");
            assert!(list("include").iter().all(|dir| dir.is_dir()), "{told}");
        }
    }
}

#[test]
fn a_change_in_one_crate_is_made_again_where_it_matters_and_only_there() {
    let project = chain("compile");
    let kernel = any_kernel();
    let mut cargo = project.cargo_for(&kernel);
    let mut before = modules(&project.built(&mut cargo));

    let again = project.built(&mut cargo);
    assert!(
        again.ran.is_empty() && again.compiled.is_empty(),
        "{again:#?}"
    );

    // (what is edited, which scripts Cargo runs, in which make does something, which .ko change)
    type Change<'a> = (
        &'a str,
        &'a str,
        &'a str,
        &'a [&'a str],
        &'a [&'a str],
        &'a [&'a str],
    );
    let changes: [Change<'_>; 5] = [
        (
            "top/module/top.c",
            "top: %d",
            "top says %d",
            &["top"],
            &["top"],
            &["top"],
        ),
        // Cargo runs the scripts of those that depend on what ran; they find nothing to do.
        (
            "base/module/base.c",
            "return 1;",
            "return 2;",
            &CRATES,
            &["base"],
            &["base"],
        ),
        // The names in a symvers are what consumers were checked against.
        (
            "base/module/base.c",
            "MODULE_DESCRIPTION(\"base\")",
            "int base_more(void) { return 0; }\nEXPORT_SYMBOL_GPL(base_more);\nMODULE_DESCRIPTION(\"base\")",
            &CRATES,
            &CRATES,
            &["base"],
        ),
        (
            "middle/include/middle.h",
            "int middle_value(void);",
            "int middle_value(void); /* the same */",
            &["middle", "top"],
            &["middle", "top"],
            &[],
        ),
        (
            "base/build.rs",
            ".include(",
            ".define(\"BASE\", None).include(",
            &CRATES,
            &["base"],
            &[],
        ),
    ];
    for (file, from, to, scripts, makes, differ) in changes {
        edit(&project.dir.join(file), from, to);
        let outcome = project.built(&mut cargo);
        let what = format!("{file}: {to}\n{}", outcome.said);
        assert_eq!(outcome.scripts(), scripts, "{what}");
        let made: Vec<_> = CRATES
            .into_iter()
            .filter(|name| scripts.contains(name) && outcome.started_make(name))
            .collect();
        assert_eq!(made, makes, "{what}");
        let now = modules(&outcome);
        let differing: Vec<_> = CRATES
            .into_iter()
            .zip(before.iter().zip(&now))
            .filter(|(_, (old, new))| old != new)
            .map(|(name, _)| name)
            .collect();
        assert_eq!(differing, differ, "{what}");
        before = now;

        let again = project.built(&mut cargo);
        assert!(
            again.ran.is_empty() && again.compiled.is_empty(),
            "after {what}\n{again:#?}"
        );
    }
}

#[test]
fn a_symbol_that_a_provider_no_longer_exports_fails_its_consumer() {
    let project = chain("compile");
    let mut cargo = project.cargo_for(&any_kernel());
    project.built(&mut cargo);
    edit(
        &project.dir.join("base/module/base.c"),
        "EXPORT_SYMBOL_GPL(base_value);",
        "",
    );
    let said = project.fails(&mut cargo);
    assert!(said.contains("\"base_value\""), "{said}");
    assert!(
        said.contains("middle") && !said.contains("/.kbuild/"),
        "{said}"
    );
    edit(
        &project.dir.join("base/module/base.c"),
        "MODULE_DESCRIPTION",
        "EXPORT_SYMBOL_GPL(base_value);\nMODULE_DESCRIPTION",
    );
    let outcome = project.built(&mut cargo);
    assert_eq!(depends(&outcome, "middle"), ["base"]);
}

#[test]
fn a_crate_without_links_passes_nothing_on() {
    let project = chain("compile");
    for file in ["base/Cargo.toml", "middle/Cargo.toml"] {
        let path = project.dir.join(file);
        let text = fs::read_to_string(&path).unwrap();
        let name = Path::new(file).parent().unwrap().display().to_string();
        fs::write(&path, text.replace(&format!("links = \"{name}\""), "")).unwrap();
    }
    let said = project.fails(&mut project.cargo_for(&any_kernel()));
    assert!(said.contains("base.h"), "{said}");
}
