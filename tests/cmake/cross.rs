//! Cross builds: the toolchain file has the say, the flags for programs have not.

use std::fs;

use kbuild_tests::lab;

use crate::project::*;
use crate::support::*;

#[test]
fn a_toolchain_file_decides_the_modules_architecture_and_compiler() {
    if !lab::has_arm64() {
        println!("not run: the lab has a tree for arm64 on Debian only");
        return;
    }
    let tree = lab::arm64().unwrap();
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(cross LANGUAGES C)\n{PACKAGE}\
         kbuild_add_module(hello hello.c)\n"
    );
    let toolchain = format!(
        "set(CMAKE_SYSTEM_NAME Linux)\nset(CMAKE_SYSTEM_PROCESSOR aarch64)\n\
         set(CMAKE_C_COMPILER {}gcc)\n\
         # There is no C library for arm64 here.\n\
         set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\n",
        tree.cross_compile
    );
    let files = [
        ("CMakeLists.txt", &*lists),
        ("toolchain.cmake", &toolchain),
        ("hello.c", HELLO),
    ];
    let project = Project::new(CORNERS[0], &files);
    project.configured(&[
        &format!(
            "-DCMAKE_TOOLCHAIN_FILE={}/toolchain.cmake",
            project.source().display()
        ),
        &format!("-DKDIR={}", tree.kdir.display()),
        "-DKbuild_MISSING_SYMVERS=warn",
        "-DCMAKE_C_FLAGS=-DFOR_PROGRAMS",
    ]);
    let mut build = project.build_with_jobs(2);
    built(&mut build);
    let out = project.build_dir().join("kbuild-out").join(&tree.release);
    let module = fs::read(out.join("hello.ko")).unwrap();
    // e_machine of the ELF header: EM_AARCH64.
    assert_eq!(module[18..20], 183_u16.to_le_bytes());
    let commands = fs::read_to_string(out.join("compile_commands.json")).unwrap();
    assert!(
        commands.contains(&format!("{}gcc", tree.cross_compile)),
        "{commands}"
    );
    assert!(!commands.contains("FOR_PROGRAMS"), "{commands}");
}
