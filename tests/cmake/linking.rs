//! Modules and what is compiled for programs: what they may share, and what is refused.

use crate::project::*;
use crate::support::HELLO;

/// A project with a module `hello` and the means to compile programs; not configured yet.
fn project(with: With, more: &str) -> Project {
    let head = "cmake_minimum_required(VERSION 3.22)\nproject(mixed LANGUAGES C CXX)\n";
    let lists = format!("{head}{PACKAGE}kbuild_add_module(hello hello.c)\n{more}");
    let files = [
        ("CMakeLists.txt", &*lists),
        ("hello.c", HELLO),
        ("part.c", "int part(void) { return 0; }\n"),
        ("main.c", "int main(void) { return 0; }\n"),
    ];
    Project::new(with, &files)
}

fn refuses(more: &str, wanted: &str) {
    let output = project(CORNERS[1], more).configure(&[]);
    let said = output
        .err()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(!output.status.success(), "{more}");
    assert!(said.contains(wanted), "{more}\n{said}");
}

#[test]
fn a_program_cannot_be_linked_with_a_module_not_even_through_a_library() {
    let advice = "which is a kernel module: a program cannot be linked with it. For headers that both use, link both to an INTERFACE library";
    refuses(
        "add_executable(tool main.c)\ntarget_link_libraries(tool PRIVATE hello)",
        &format!("tool links to hello, {advice}"),
    );
    refuses(
        "add_library(part STATIC part.c)\nadd_library(shared INTERFACE)\n\
         target_link_libraries(shared INTERFACE $<BUILD_INTERFACE:sdk::hello>)\n\
         add_library(sdk::hello ALIAS hello)\ntarget_link_libraries(part PUBLIC shared)",
        &format!("part links to hello, {advice}"),
    );
}

#[test]
fn a_module_cannot_be_linked_with_a_library() {
    for kind in ["STATIC", "SHARED", "OBJECT"] {
        refuses(
            &format!(
                "add_library(part {kind} part.c)\ntarget_link_libraries(hello INTERFACE part)"
            ),
            &format!(
                "hello is a kernel module and links to part, which is compiled for programs ({kind}_LIBRARY): list its sources in"
            ),
        );
    }
    refuses(
        "target_link_libraries(hello INTERFACE m)",
        "hello is a kernel module and links to m, which is no target",
    );
}

#[test]
fn an_interface_library_may_serve_a_module_and_a_program_in_whatever_language() {
    for with in CORNERS {
        let project = project(
            with,
            "add_library(abi INTERFACE)\n\
             target_compile_definitions(abi INTERFACE $<$<COMPILE_LANGUAGE:C>:IN_C> \
             $<$<COMPILE_LANGUAGE:CXX>:IN_CXX>)\n\
             target_link_libraries(hello INTERFACE abi)\n\
             add_executable(tool main.c)\ntarget_link_libraries(tool PRIVATE abi)\n",
        );
        let check = "\n#ifndef IN_C\n#error not C\n#endif\n#ifdef IN_CXX\n#error C++\n#endif\n";
        project.write("hello.c", &format!("{HELLO}{check}"));
        project.write("main.c", &format!("int main(void) {{ return 0; }}{check}"));
        project.configured(&[]);
        assert_eq!(project.builds(), ["hello"], "{with:?}");
        assert!(project.build_dir().join("tool").exists());
    }
}
