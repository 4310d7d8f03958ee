//! Projects that CMake refuses, by what it says.

use crate::project::*;
use crate::support::HELLO;

/// The reason is given for every CMake, its line breaks taken out. Nothing is built.
fn refuses(project: &str, wanted: &str) {
    refuses_with(project, &[], wanted);
}

fn refuses_with(project: &str, arguments: &[&str], wanted: &str) {
    for with in CORNERS {
        let head = "cmake_minimum_required(VERSION 3.22)\nproject(failing LANGUAGES NONE)\n";
        let lists = format!("{head}{PACKAGE}{project}");
        let files = [("CMakeLists.txt", &*lists), ("hello.c", HELLO)];
        let output = Project::new(with, &files).configure(arguments);
        let said = output
            .err()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(!output.status.success(), "{with:?}: {project}");
        assert!(said.contains(wanted), "{with:?}: {project}\n{said}");
    }
}

#[test]
fn without_a_kernel_the_package_is_not_found_and_says_why() {
    refuses_with(
        "kbuild_add_module(hello hello.c)",
        &["-DKDIR=/no/such/tree"],
        "the kernel tree /no/such/tree does not exist",
    );
}

#[test]
fn a_kernel_that_one_module_asks_for_in_vain_is_named() {
    refuses(
        "kbuild_add_module(hello hello.c KERNEL 9.9.9)",
        "kbuild_add_module(hello): no kernel tree for release 9.9.9",
    );
}

#[test]
fn a_program_that_is_another_one_is_named() {
    refuses_with(
        "kbuild_add_module(hello hello.c)",
        &["-DKBUILD_RS_EXECUTABLE=/bin/false"],
        "KBUILD_RS_EXECUTABLE names /bin/false, which is no kbuild-rs",
    );
}

#[test]
fn arguments_that_make_no_sense_are_refused_in_their_own_words() {
    for (call, wanted) in [
        (
            "hello hello.c VERBOSE",
            "kbuild_add_module(hello): unknown argument VERBOSE",
        ),
        ("hello", "kbuild_add_module(hello): no source;"),
        ("hello hello.cpp", "hello.cpp is no source of a module"),
        ("hello hello.c KERNEL", "nothing follows KERNEL"),
        ("hello hello.c MODULES a", "MODULES is for a module tree"),
        ("hello hello.c ROOT .", "ROOT is for a module tree"),
        (
            "a.b hello.c",
            "a module's name holds letters, digits, - and _ only",
        ),
        (
            "hello MAKE_VARIABLES A=1 B hello.c",
            "MAKE_VARIABLES has B, which is not NAME=VALUE",
        ),
        (
            "hello KBUILD nowhere",
            "there is no Kbuild and no Makefile in",
        ),
        (
            "hello gone.c",
            "source/gone.c does not exist, and no rule makes it",
        ),
    ] {
        refuses(&format!("kbuild_add_module({call})"), wanted);
    }
}

#[test]
fn a_root_that_does_not_hold_the_module_tree_is_named() {
    refuses(
        "file(WRITE \"${CMAKE_BINARY_DIR}/tree/Kbuild\" \"\")\n\
         kbuild_add_module(hello KBUILD \"${CMAKE_BINARY_DIR}/tree\" ROOT /none/)",
        "kbuild_add_module(hello): ROOT /none does not hold the module tree",
    );
}

#[test]
fn a_second_target_of_one_name_is_refused() {
    refuses(
        "kbuild_add_module(hello hello.c)\nkbuild_add_module(hello hello.c)",
        "another target with the same name already exists",
    );
}

#[test]
fn what_is_no_module_cannot_be_installed_as_one() {
    refuses(
        "add_custom_target(other)\nkbuild_install(TARGETS other)",
        "kbuild_install(TARGETS other): there is no kernel module of this name",
    );
}
