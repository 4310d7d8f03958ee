//! Cross builds: the toolchain file counts, and the flags for programs do not.

use std::fs;
use std::os::unix::fs::symlink;

use kbuild_tests::{lab, run, scope};

use crate::project::*;
use crate::support::*;

#[test]
fn a_toolchain_file_decides_the_modules_architecture_compiler_and_kernel() {
    if !lab::has_arm64() {
        println!("not run: the lab has a tree for arm64 on Debian only");
        return;
    }
    let tree = lab::arm64().unwrap();
    let project = project(&format!(
        "set(CMAKE_SYSTEM_PROCESSOR aarch64)\nset(CMAKE_C_COMPILER {}gcc)\n",
        tree.cross_compile
    ));
    let toolchain = with_toolchain(&project);
    let flags = [
        "-DKDIR=",
        "-DKbuild_MISSING_SYMVERS=warn",
        "-DCMAKE_C_FLAGS=-DFOR_PROGRAMS",
        &toolchain,
    ];
    let configure = |more: &[&str]| project.configure(&[&flags[..], more].concat());
    fails_with(
        &configure(&[]),
        "a cross build does not use the running kernel",
    );

    // An absolute link, as images have it: it leads into the image.
    let image = tempfile::tempdir().unwrap();
    let sysroot = format!("-DCMAKE_SYSROOT={}", image.path().display());
    fails_with(
        &configure(&[&sysroot]),
        "has no kernel tree in lib/modules/*/build",
    );
    let modules = image.path().join("lib/modules").join(&tree.release);
    let sources = image.path().join("usr/src");
    fs::create_dir_all(&modules).unwrap();
    fs::create_dir_all(&sources).unwrap();
    symlink(&tree.kdir, sources.join("linux-headers-of-the-image")).unwrap();
    symlink("/usr/src/linux-headers-of-the-image", modules.join("build")).unwrap();
    fails_with(
        &configure(&[&sysroot, "-DKDIR=9.9.9"]),
        "has no tree for kernel 9.9.9",
    );

    // The release selects it too.
    let by_release = format!("-DIN_IMAGE={}", tree.release);
    project.configured(&[&flags[..], &[&sysroot, &by_release]].concat());
    built(&mut project.build_with_jobs(2));
    let out = project.build_dir().join("kbuild-out").join(&tree.release);
    let module = fs::read(out.join("hello.ko")).unwrap();
    // e_machine of the ELF header is EM_AARCH64.
    assert_eq!(module[18..20], 183_u16.to_le_bytes());
    let commands = fs::read_to_string(out.join("compile_commands.json")).unwrap();
    assert!(
        commands.contains(&format!("{}gcc", tree.cross_compile)),
        "{commands}"
    );
    assert!(!commands.contains("FOR_PROGRAMS"), "{commands}");
}

#[test]
fn another_architecture_is_refused_when_cmake_runs() {
    let cross = project("set(CMAKE_SYSTEM_PROCESSOR aarch64)\nset(CMAKE_C_COMPILER cc)\n");
    let toolchain = with_toolchain(&cross);
    let wanted = "asks for 64-bit arm64, but the kernel tree";
    fails_with(&cross.configure(&[&toolchain]), wanted);
    // ARCH counts, and each run reads it again.
    let native = project("");
    native.configured(&[]);
    let mut other = native.configure_command(&[]);
    let output = run::run(other.env("ARCH", "arm64"), LIMIT).unwrap();
    fails_with(&output, wanted);
    native.configured(&[]);
}

#[test]
fn a_clang_in_a_toolchain_file_builds_with_llvm() {
    if let Some(why) = lab::why_not("7.3-clang") {
        return println!("not run: {why}");
    }
    if !scope::is_full() {
        return println!("in the full run only");
    }
    let kernel = lab::kernel("7.3-clang").unwrap();
    for compiler in ["clang-19", "/usr/lib/llvm-19/bin/clang"] {
        let project = project(&format!(
            "set(CMAKE_SYSTEM_PROCESSOR x86_64)\nset(CMAKE_C_COMPILER {compiler})\n"
        ));
        let tree = format!("-DKDIR={}", kernel.kdir.display());
        project.configured(&[&tree, &with_toolchain(&project)]);
        built(&mut project.build_with_jobs(2));
        let out = project.build_dir().join("kbuild-out").join(&kernel.release);
        let commands = fs::read_to_string(out.join("compile_commands.json")).unwrap();
        assert!(commands.contains(&format!("\"{compiler}")), "{commands}");
    }
}

/// A project that is configured with [`with_toolchain`].
fn project(toolchain: &str) -> Project {
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(cross LANGUAGES C)\n{PACKAGE}\
         kbuild_get_config(usable MODULES KERNEL \"${{Kbuild_KERNEL_DIR}}\")\n\
         if(IN_IMAGE)\nset(kernel KERNEL ${{IN_IMAGE}})\nendif()\n\
         kbuild_add_module(hello hello.c ${{kernel}})\n"
    );
    let toolchain = format!(
        "set(CMAKE_SYSTEM_NAME Linux)\n{toolchain}\
         # There is no C library for it here.\n\
         set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\n",
    );
    let files = [
        ("CMakeLists.txt", &*lists),
        ("toolchain.cmake", &toolchain),
        ("hello.c", HELLO),
    ];
    Project::new(CORNERS[0], &files)
}

fn with_toolchain(project: &Project) -> String {
    let file = project.source().join("toolchain.cmake");
    format!("-DCMAKE_TOOLCHAIN_FILE={}", file.display())
}
