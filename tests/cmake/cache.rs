//! The cache of finished modules: one build tree takes the modules that another one has built.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kbuild_tests::expected::cached;
use kbuild_tests::lab;
use kbuild_tests::run::Output;

use crate::project::*;
use crate::support::makes::Makes;
use crate::support::*;

fn project(with: With, kernel: &str) -> Project {
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(cached LANGUAGES NONE)\n{PACKAGE}\
         kbuild_add_module(ring ring.c MAKE_VARIABLES {PAHOLE})\n\
         kbuild_add_module(user user.c MAKE_VARIABLES {PAHOLE})\n\
         target_link_libraries(user INTERFACE ring)\n"
    );
    let files = [
        ("CMakeLists.txt", &*lists),
        ("ring.c", RING),
        ("user.c", USER),
    ];
    Project::for_kernel(with, &lab::kernel(kernel).unwrap(), &files)
}

/// A folder for a cache, and the variables and the record of the builds that use it.
struct Ground {
    dir: tempfile::TempDir,
    makes: Makes,
}

impl Ground {
    fn new() -> Ground {
        Ground {
            dir: tempfile::tempdir().unwrap(),
            makes: Makes::new(),
        }
    }

    fn configure(&self, project: &Project, flags: &[&str]) {
        built(
            project
                .configure_command(flags)
                .current_dir(self.dir.path()),
        );
    }

    /// Builds; returns the output, and whether make ran.
    fn build(&self, project: &Project, cache: Option<&Path>) -> (Output, bool) {
        let mut command = project.build_with_jobs(2);
        command.env_remove("KBUILD_RS_CACHE");
        command.envs(cache.map(|dir| ("KBUILD_RS_CACHE", dir)));
        let output = built(self.makes.record(&mut command));
        (output, self.makes.started())
    }
}

fn products(project: &Project) -> BTreeMap<String, Vec<u8>> {
    let mut all = modules(&project.out());
    for name in ["ring.symvers", "user.symvers"] {
        let file = project.out().join(name);
        all.insert(name.to_owned(), fs::read(file).unwrap());
    }
    all
}

#[test]
fn a_second_build_tree_gets_its_modules_from_the_cache_and_they_are_the_same() {
    const NOTHING: [&str; 0] = [];
    for (kernel, with) in [("6.1", CORNERS[0]), ("6.12", CORNERS[1])] {
        let ground = Ground::new();
        let mut project = project(with, kernel).in_folder("first");
        // A relative path starts where cmake was called.
        ground.configure(&project, &["-DKbuild_CACHE=modules"]);
        let (output, make) = ground.build(&project, None);
        assert!(make && cached(&output) == NOTHING, "{}", output.err());
        let first = products(&project);
        assert!(ground.dir.path().join("modules").is_dir());

        project = project.in_folder("sec ond");
        ground.configure(&project, &["-DKbuild_CACHE=modules"]);
        let (output, make) = ground.build(&project, None);
        assert!(!make, "{with:?} {}", output.err());
        assert_eq!(cached(&output), ["ring", "user"], "{}", output.out());
        assert!(products(&project) == first, "{with:?}");
        // Nobody asks for modules that are there.
        let (output, make) = ground.build(&project, None);
        assert!(!make && cached(&output) == NOTHING, "{}", output.out());
    }
}

#[test]
fn the_environment_of_the_build_names_the_cache_unless_the_project_does_or_turns_it_off() {
    for with in corners(1) {
        let ground = Ground::new();
        let mut project = project(with, lab::names()[0]).in_folder("first");
        let folder = ground.dir.path().join("of the environment");
        let off = "-DKbuild_CACHE=OFF";
        ground.configure(&project, &[]);
        assert!(ground.build(&project, Some(&folder)).1);
        let first = products(&project);
        project = project.in_folder("second");
        ground.configure(&project, &[]);
        let (output, make) = ground.build(&project, Some(&folder));
        assert!(!make, "{}", output.err());
        assert_eq!(cached(&output), ["ring", "user"], "{}", output.out());

        // Another cache, or none, is not another module: the modules of the build tree stay.
        for flag in ["-DKbuild_CACHE=own", off] {
            ground.configure(&project, &[flag]);
            let (output, make) = ground.build(&project, Some(&folder));
            assert!(!make && cached(&output).is_empty(), "{}", output.out());
        }
        project = project.in_folder("third");
        ground.configure(&project, &[off]);
        let (output, make) = ground.build(&project, Some(&folder));
        assert!(make && cached(&output).is_empty(), "{}", output.out());
        assert!(products(&project) == first, "{with:?}");
    }
}
