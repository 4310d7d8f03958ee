//! The flags that reach the compiler: a module's own, and those of the targets that it links to.

use kbuild_tests::lab;

use crate::project::*;
use crate::support::HELLO;

const LISTS: &str = "\
kbuild_add_module(ring ring.c
  COMPILE_DEFINITIONS OWN $<$<BOOL:ON>:OWN_IF=1> \"OWN_TEXT=\\\"a, <b>\\\"\"
  COMPILE_OPTIONS \"SHELL:-include own.h -DOWN_A=1\" \"SHELL:-DOWN_B=2 -DOWN_A=1\"
  INCLUDE_DIRECTORIES own)
target_compile_definitions(ring INTERFACE FOR_USERS $<$<COMPILE_LANGUAGE:C>:FOR_C>)
target_compile_options(ring INTERFACE \"SHELL:-D A=1 -DB=2\" -DC=3)
target_include_directories(ring SYSTEM INTERFACE
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>)

kbuild_add_module(tree KBUILD tree COMPILE_DEFINITIONS OF_TREE=1)
target_link_libraries(tree INTERFACE ring)

kbuild_add_module(user EXCLUDE_FROM_ALL MAKE_VARIABLES FROM_MAKE=1 user.c)
set_target_properties(user PROPERTIES EXCLUDE_FROM_ALL OFF)
target_link_libraries(user INTERFACE ring)
";

const OWN: &str = "
#if !defined(OWN) || OWN_IF + OWN_A + OWN_B != 4 || !defined(IN_OWN_H)
#error not all of its own
#endif
const char text[] = OWN_TEXT;
";

const LINKED: &str = "
#include <ring.h>
#if !defined(FOR_USERS) || !defined(FOR_C) || A + B + C != 6 || defined(OWN)
#error not what it links to
#endif
";

#[test]
fn the_requirements_of_linked_targets_reach_sources_and_module_trees() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let head = "cmake_minimum_required(VERSION 3.22)\nproject(flags LANGUAGES C CXX)\n";
    let lists = format!("{head}{PACKAGE}{LISTS}");
    let (ring, user) = (format!("{OWN}{HELLO}"), format!("{LINKED}{HELLO}"));
    let tree = format!("{user}\n#if OF_TREE != 1 && OF_TREE != 2\n#error no flag\n#endif\n");
    let files = [
        ("CMakeLists.txt", &*lists),
        ("ring.c", &ring),
        ("own/own.h", "#define IN_OWN_H\n"),
        ("include/ring.h", ""),
        ("user.c", &user),
        ("tree/Kbuild", "obj-m := tree.o\n"),
        ("tree/tree.c", &tree),
    ];
    for with in corners(0) {
        let project = Project::for_kernel(with, &kernel, &files);
        // These flags are for programs.
        let configure = || project.configured(&["-DCMAKE_C_FLAGS=-DOF_TREE=3 -DOWN"]);
        configure();
        assert_eq!(project.builds(), ["ring", "tree", "user"], "{with:?}");
        project.edit("CMakeLists.txt", "OF_TREE=1", "OF_TREE=2");
        configure();
        assert_eq!(project.builds(), ["tree"], "{with:?}");
        project.edit("CMakeLists.txt", "-DC=3)", "-DC=3 -DD)");
        configure();
        assert_eq!(project.builds(), ["ring", "tree", "user"], "{with:?}");
    }
}
