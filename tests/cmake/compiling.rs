//! Settings of CMake for compilers, and their effect on modules.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::{self, packages};
use kbuild_tests::run;

use crate::project::*;
use crate::support::*;

const LISTS: &str = "\
cmake_minimum_required(VERSION 3.22)
project(compiling LANGUAGES NONE)
";

fn project(with: With, kernel: &str) -> Project {
    let lists = format!("{LISTS}{PACKAGE}kbuild_add_module(hello hello.c)\n");
    let files = [("CMakeLists.txt", &*lists), ("hello.c", HELLO)];
    Project::for_kernel(with, &lab::kernel(kernel).unwrap(), &files)
}

/// Since 6.13, compilers run in the module folder. Before, they run in the kernel's folder, and the
/// module's path is a part of ccache's key.
#[test]
fn a_second_build_tree_has_all_objects_from_ccache() {
    all_objects_from_ccache("7.3", ["first", "sec ond"]);
}

#[test]
fn a_new_build_tree_has_all_objects_from_ccache_on_older_kernels_too() {
    all_objects_from_ccache("6.1", ["same", "same"]);
}

fn all_objects_from_ccache(kernel: &str, folders: [&'static str; 2]) {
    packages::install(&["ccache"]).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let mut project = project(CORNERS[1], kernel);
    let mut counts = Vec::new();
    for folder in folders {
        project = project.in_folder(folder);
        if project.build_dir().exists() {
            fs::remove_dir_all(project.build_dir()).unwrap();
        }
        project.configured(&["-DCMAKE_C_COMPILER_LAUNCHER=ccache"]);
        built(project.build_with_jobs(2).env("CCACHE_DIR", cache.path()));
        counts.push(statistics(cache.path()));
    }
    let [(hits, misses), (hits_after, misses_after)] = counts[..] else {
        panic!("two builds")
    };
    assert!(hits == 0 && misses > 1, "{counts:?}");
    // The second build asks the compiler no questions, because it starts kbuild's makes directly.
    assert!(hits_after > 1 && misses_after == misses, "{counts:?}");
}

/// The numbers of hits and misses.
fn statistics(cache: &Path) -> (u32, u32) {
    let mut ccache = Command::new("ccache");
    ccache.arg("--print-stats").env("CCACHE_DIR", cache);
    let output = run::checked(&mut ccache, LIMIT).unwrap().out();
    let count = |name: &str| {
        let found = output.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap().trim().parse::<u32>().unwrap()
    };
    (
        count("direct_cache_hit") + count("preprocessed_cache_hit"),
        count("cache_miss"),
    )
}

#[test]
fn a_build_that_shows_its_commands_shows_those_of_kbuild() {
    for with in corners(1) {
        let project = project(with, lab::names()[0]);
        project.configured(&[]);
        let shows = |flags: &[&str]| {
            project.edit("hello.c", "MODULE_LICENSE", " MODULE_LICENSE");
            let output = built(project.build_with_jobs(2).args(flags));
            output.out().contains("-D__KERNEL__") || output.err().contains("-D__KERNEL__")
        };
        assert!(!shows(&[]), "{with:?}");
        assert!(shows(&["-v"]), "{with:?}");
    }
}

#[test]
fn a_compile_error_names_the_source_where_it_is() {
    for with in corners(0) {
        let project = project(with, lab::names()[0]);
        project.configured(&[]);
        project.write("hello.c", "int hello;\nno_such_type nothing;\n");
        let output = run::run(&mut project.build_with_jobs(2), LIMIT).unwrap();
        assert!(!output.status.success(), "{with:?}");
        let said = output.out() + &output.err();
        let place = format!(
            "{}:2:1: error: ",
            project.source().join("hello.c").display()
        );
        assert!(said.contains(&place), "{with:?}\n{said}");
    }
}
