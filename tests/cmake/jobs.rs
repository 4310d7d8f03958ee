//! Modules side by side: as many compilers as were asked for, and not one more.

use kbuild_tests::lab;

use crate::meeting::Meeting;
use crate::project::*;
use crate::support::*;

const MODULES: usize = 8;

#[test]
fn eight_modules_at_once_have_the_jobs_that_the_build_was_asked_for() {
    // The oldest kernel costs least to build for.
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let old = |generator| With {
        cmake: "3.25",
        generator,
        package: Package::Subdirectory,
    };
    let marked = With {
        cmake: "newest",
        ..old(MAKE)
    };
    for with in [old(MAKE), marked, old(NINJA)] {
        let mut lists = format!(
            "cmake_minimum_required(VERSION 3.22)\nproject(many LANGUAGES NONE)\n{PACKAGE}"
        );
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
        project.configured(&[&format!("-DKbuild_CC={}", meeting.compiler().display())]);
        built(&mut project.build_with_jobs(4));
        assert_eq!(meeting.most(), 4, "{with:?}");
        assert_eq!(meeting.arrived().len(), 2 * MODULES, "{with:?}");
    }
}
