//! `kbuild_add_test()`: ctest boots a kernel, and modules pass or fail there.

use kbuild_tests::{lab, run};

use crate::project::*;
use crate::support::*;

const LISTS: &str = r#"
enable_testing()
kbuild_add_module(ring ring.c)
kbuild_add_module(user user.c)
target_link_libraries(user INTERFACE ring)
kbuild_add_test(NAME "they load" TARGETS user ring TIMEOUT 120
  RUN "true; sh /opt/check 'two words'; echo 'a;b'" FILES check:/opt/check)
kbuild_add_test(NAME fails TARGETS ring RUN "exit 3" ALLOW_TAINT P)
"#;

#[test]
#[allow(clippy::print_stdout, reason = "what did not run, and why")]
fn ctest_boots_the_kernel_and_a_command_that_fails_fails_the_test() {
    if let Some(why) = lab::why_not("7.3") {
        println!("not run: {why}");
        return;
    }
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(tested LANGUAGES NONE)\n{PACKAGE}{LISTS}"
    );
    let files = [
        ("CMakeLists.txt", &*lists),
        ("ring.c", RING),
        ("user.c", USER),
        (
            "check",
            "grep -q '^user ' /proc/modules && grep -q '^ring ' /proc/modules && echo \"$1\"\n",
        ),
    ];
    let kernel = lab::kernel("7.3").unwrap();
    for with in corners(1) {
        let project = Project::for_kernel(with, &kernel, &files);
        project.configured(&[]);
        project.builds();
        let mut ctest =
            std::process::Command::new(lab::cmake(with.cmake).unwrap().with_file_name("ctest"));
        ctest.arg("-V").current_dir(project.build_dir());
        let output = run::run(&mut ctest, LIMIT).unwrap();
        let said = output.out();
        assert!(!output.status.success(), "{said}");
        for words in [
            "1/2 Test #1: they load",
            "1 tests failed out of 2",
            "the command failed with exit code 3",
        ] {
            assert!(said.contains(words), "no {words}: {said}");
        }
        project.edit("CMakeLists.txt", "TARGETS ring RUN", "TARGETS none RUN");
        fails_with(
            &project.configure(&[]),
            "kbuild_add_test(fails): none is not a kernel module: create it with kbuild_add_module()",
        );
    }
}
