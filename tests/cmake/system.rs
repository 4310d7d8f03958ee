//! `cmake --install` into the running system.

use kbuild_tests::{lab, own_root};

use crate::project::*;
use crate::support::*;

#[test]
fn a_module_is_installed_into_the_system_and_goes_without_a_trace() {
    let kernel = lab::kernel(lab::ROOT).unwrap();
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(system LANGUAGES NONE)\n{PACKAGE}\
         kbuild_add_module(hello hello.c)\nkbuild_install(TARGETS hello)\n"
    );
    let files = [("CMakeLists.txt", &*lists), ("hello.c", HELLO)];
    let project = Project::for_kernel(CORNERS[1], &kernel, &files);
    project.configured(&[]);
    assert_eq!(project.builds(), ["hello"]);
    let mut install = project.cmake();
    install.arg("--install").arg(project.build_dir());
    match own_root::install_hello(&install, &kernel, LIMIT).unwrap() {
        Some(said) => assert!(said.contains("installed 1 module for"), "{said}"),
        None => println!("not run: it takes root to cover / with an overlay"),
    }
}
