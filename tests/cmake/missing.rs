//! A user deletes a product, or changes it in its place.

use std::fs;

use kbuild_tests::lab;

use crate::project::*;
use crate::support::*;

#[test]
fn a_module_that_is_deleted_is_made_again_and_one_that_is_signed_starts_no_build() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(missing LANGUAGES NONE)\n{PACKAGE}\
         kbuild_add_module(both KBUILD tree MODULES one two)\n\
         kbuild_install(TARGETS both)\n"
    );
    let files = [
        ("CMakeLists.txt", &*lists),
        ("tree/one.c", HELLO),
        ("tree/two.c", HELLO),
        ("tree/Kbuild", "obj-m := one.o two.o\n"),
    ];
    for with in CORNERS {
        let project = Project::for_kernel(with, &kernel, &files);
        project.configured(&[]);
        assert_eq!(project.builds(), ["both"], "{with:?}");
        assert_eq!(project.builds(), [""; 0], "{with:?}");
        let module = project.out().join("two.ko");
        fs::remove_file(&module).unwrap();
        assert_eq!(project.builds(), ["both"], "{with:?}");
        assert!(module.exists());
        assert_eq!(project.builds(), [""; 0], "{with:?}");
        let mut text = fs::read(&module).unwrap();
        text.extend(b"~Module signature appended~\n");
        fs::write(&module, text).unwrap();
        assert_eq!(project.builds(), [""; 0], "{with:?}");
    }
}
