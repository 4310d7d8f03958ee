//! Modules side by side: exactly the requested number of compilers runs.

use std::fs;
use std::process::Command;

use kbuild_tests::{lab, scope};

use crate::meeting::Meeting;
use crate::project::*;
use crate::support::*;

const MODULES: usize = 8;

#[test]
fn eight_modules_at_once_have_the_jobs_that_the_build_was_asked_for() {
    let old = |generator| With {
        cmake: "3.25",
        generator,
        package: Package::Subdirectory,
    };
    let marked = With {
        cmake: "newest",
        ..old(MAKE)
    };
    for with in [marked, old(NINJA)] {
        four_meet(with, &[], |project| project.build_with_jobs(4));
    }
    // This is the other way to set the number. It does not depend on the generator.
    if !scope::is_full() {
        return;
    }
    four_meet(old(MAKE), &[], |project| {
        let mut build = project.cmake();
        build.arg("--build").arg(project.build_dir());
        build.env("CMAKE_BUILD_PARALLEL_LEVEL", "4");
        build
    });
}

#[test]
fn eight_modules_below_make_and_ninja_share_makes_tokens_whether_ninja_is_its_client_or_not() {
    let [make, ninja] = ["make", "ninja"].map(|name| lab::program(name).unwrap());
    let with = With {
        cmake: "newest",
        generator: NINJA,
        package: Package::Subdirectory,
    };
    // A Ninja before 1.13 starts any number of commands, with one token for all of them.
    for ninja in [ninja, "ninja".into()] {
        let own = format!("-DCMAKE_MAKE_PROGRAM={}", ninja.display());
        four_meet(with, &[&own], |project| {
            let makefile = project.source().join("outer.mk");
            let recipe = format!(
                "all:\n\t+'{}' -C '{}'\n",
                ninja.display(),
                project.build_dir().display()
            );
            fs::write(&makefile, recipe).unwrap();
            let mut outer = Command::new(&make);
            outer.arg("-j4").arg("-f").arg(makefile);
            outer
        });
    }
}

/// Builds eight modules, and checks that exactly four compilers run at once.
fn four_meet(with: With, settings: &[&str], build: impl Fn(&Project) -> Command) {
    // A build for the oldest kernel is the fastest.
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let mut lists =
        format!("cmake_minimum_required(VERSION 3.22)\nproject(many LANGUAGES NONE)\n{PACKAGE}");
    for number in 0..MODULES {
        lists += &format!("kbuild_add_module(many{number} part0.c part1.c)\n");
    }
    let files = [
        ("CMakeLists.txt", &*lists),
        ("part0.c", HELLO),
        (
            "part1.c",
            "int part1(void);\nint part1(void) { return 1; }\n",
        ),
    ];
    let project = Project::for_kernel(with, &kernel, &files);
    let meeting = Meeting::of(4, &kernel);
    let compiler = format!("-DKbuild_CC={}", meeting.compiler().display());
    project.configured(&[&[&*compiler], settings].concat());
    built(&mut build(&project));
    assert_eq!(meeting.most(), 4, "{with:?}");
    assert_eq!(meeting.arrived().len(), 2 * MODULES, "{with:?}");
}
