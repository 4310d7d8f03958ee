//! Crates whose modules use each other's symbols: the data in `links`, and the effects of a change
//! to one crate on Cargo and make in the others.

use std::fs;
use std::process::Command;

use kbuild_tests::{lab, scope};

use crate::chain::{CRATES, chain};
use crate::support::project::{Outcome, Project, any_kernel, edit};

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
fn symbols_and_headers_travel_down_a_chain_of_crates_and_changes_go_where_they_matter() {
    let project = chain("compile");
    if scope::is_full() {
        for kernel in lab::kernels().unwrap() {
            assert_travelled(&project.built(&mut project.cargo_for(&kernel)));
        }
    }
    let mut cargo = project.cargo_for(&any_kernel());
    let first = project.built(&mut cargo);
    assert_travelled(&first);
    apply(&project, &mut cargo, &first, &CHANGES);
    if scope::is_full() {
        let first = project.built(&mut cargo);
        apply(&project, &mut cargo, &first, &FURTHER_CHANGES);
    }
    a_symbol_that_is_gone_fails_its_consumer(&project, &mut cargo);
    without_links_nothing_is_passed_on(&project, &mut cargo);
}

fn assert_travelled(outcome: &Outcome) {
    assert_eq!(outcome.scripts(), CRATES, "{}", outcome.said);
    assert_eq!(depends(outcome, "middle"), ["base"]);
    // It needs both, but only depends on the crate `middle`.
    assert_eq!(depends(outcome, "top"), ["base", "middle"]);
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

/// The edited file, the scripts that Cargo runs, those in which make does something, the `.ko`
/// files that change.
struct Change {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    scripts: &'static [&'static str],
    makes: &'static [&'static str],
    differ: &'static [&'static str],
}

const CHANGES: [Change; 3] = [
    Change {
        file: "top/module/top.c",
        from: "top: %d",
        to: "top says %d",
        scripts: &["top"],
        makes: &["top"],
        differ: &["top"],
    },
    // Cargo runs the scripts of the dependents, which find nothing to do.
    Change {
        file: "base/module/base.c",
        from: "return 1;",
        to: "return 2;",
        scripts: &CRATES,
        makes: &["base"],
        differ: &["base"],
    },
    Change {
        file: "middle/include/middle.h",
        from: "int middle_value(void);",
        to: "int middle_value(void); /* the same */",
        scripts: &["middle", "top"],
        makes: &["middle", "top"],
        differ: &[],
    },
];

const FURTHER_CHANGES: [Change; 2] = [
    // Consumers were checked against the names in a symvers.
    Change {
        file: "base/module/base.c",
        from: "MODULE_DESCRIPTION(\"base\")",
        to: "int base_more(void) { return 0; }\nEXPORT_SYMBOL_GPL(base_more);\n\
             MODULE_DESCRIPTION(\"base\")",
        scripts: &CRATES,
        makes: &CRATES,
        differ: &["base"],
    },
    Change {
        file: "base/build.rs",
        from: ".include(",
        to: ".define(\"BASE\", None).include(",
        scripts: &CRATES,
        makes: &["base"],
        differ: &[],
    },
];

fn apply(project: &Project, cargo: &mut Command, first: &Outcome, changes: &[Change]) {
    let mut before = modules(first);
    assert_nothing_to_do(project, cargo, "the first build");
    for change in changes {
        edit(&project.dir.join(change.file), change.from, change.to);
        let outcome = project.built(cargo);
        let what = format!("{}: {}\n{}", change.file, change.to, outcome.said);
        assert_eq!(outcome.scripts(), change.scripts, "{what}");
        let ran = |name: &&str| change.scripts.contains(name) && outcome.started_make(name);
        let made: Vec<_> = CRATES.into_iter().filter(ran).collect();
        assert_eq!(made, change.makes, "{what}");
        let now = modules(&outcome);
        let differing: Vec<_> = CRATES
            .into_iter()
            .zip(before.iter().zip(&now))
            .filter(|(_, (old, new))| old != new)
            .map(|(name, _)| name)
            .collect();
        assert_eq!(differing, change.differ, "{what}");
        before = now;
        assert_nothing_to_do(project, cargo, &what);
    }
}

fn assert_nothing_to_do(project: &Project, cargo: &mut Command, what: &str) {
    let again = project.built(cargo);
    assert!(
        again.ran.is_empty() && again.compiled.is_empty(),
        "after {what}\n{again:#?}"
    );
}

fn a_symbol_that_is_gone_fails_its_consumer(project: &Project, cargo: &mut Command) {
    let before = modules(&project.built(cargo));
    let base = project.dir.join("base/module/base.c");
    edit(&base, "EXPORT_SYMBOL_GPL(base_value);", "");
    let said = project.fails(cargo);
    assert!(said.contains("\"base_value\""), "{said}");
    assert!(
        said.contains("middle") && !said.contains("/.kbuild/"),
        "{said}"
    );
    let back = "EXPORT_SYMBOL_GPL(base_value);\nint base_last(void) { return 0; }\n\
                EXPORT_SYMBOL_GPL(base_last);\nMODULE_DESCRIPTION";
    edit(&base, "MODULE_DESCRIPTION", back);
    let outcome = project.built(cargo);
    assert_eq!(depends(&outcome, "middle"), ["base"]);
    // Consumers were checked against the names in a symvers, also against those that they do not
    // use.
    for name in CRATES {
        assert!(outcome.started_make(name), "{name}\n{}", outcome.said);
    }
    let now = modules(&outcome);
    assert_ne!(now[0], before[0]);
    assert_eq!(now[1..], before[1..]);
}

fn without_links_nothing_is_passed_on(project: &Project, cargo: &mut Command) {
    for name in ["base", "middle"] {
        let path = project.dir.join(name).join("Cargo.toml");
        edit(&path, &format!("links = \"{name}\""), "");
    }
    let said = project.fails(cargo);
    assert!(said.contains("base.h"), "{said}");
}
