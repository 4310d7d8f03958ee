//! compile_commands.json of a whole project: clangd reads a module and a program with it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kbuild_tests::lab::{self, packages};
use kbuild_tests::run;

use crate::project::*;
use crate::support::*;

/// clangd's complaints about a file.
fn complaints(commands: &Path, file: &Path) -> String {
    let mut clangd = Command::new(packages::clangd().unwrap());
    clangd
        .arg(format!("--check={}", file.display()))
        .arg(format!("--compile-commands-dir={}", commands.display()))
        .args(["--enable-config=0", "--log=error", "--check-locations=0"])
        .current_dir("/");
    let output = run::run(&mut clangd, Duration::from_secs(120)).unwrap();
    output.err()
}

#[test]
fn clangd_reads_modules_and_programs_by_the_projects_own_file() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(mixed LANGUAGES C)\n{PACKAGE}\
         add_executable(tool main.c)\ntarget_compile_definitions(tool PRIVATE FOR_TOOL)\n\
         configure_file(hello.c made/made.c COPYONLY)\n\
         kbuild_add_module(made \"${{CMAKE_CURRENT_BINARY_DIR}}/made/made.c\"\n\
           COMPILE_DEFINITIONS FOR_MODULE)\n"
    );
    let module = format!("{HELLO}#ifndef FOR_MODULE\n#error\n#endif\n");
    let files = [
        ("CMakeLists.txt", &*lists),
        ("hello.c", &module),
        (
            "main.c",
            "#ifndef FOR_TOOL\n#error\n#endif\nint main(void) { return 0; }\n",
        ),
    ];
    let project = Project::for_kernel(CORNERS[1], &kernel, &files);
    project.configured(&[
        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
        &format!("-DKbuild_CC={}", kernel.compiler()),
    ]);
    built(&mut project.build_with_jobs(2));
    let commands = project.build_dir();
    for file in [
        commands.join("made/made.c"),
        project.source().join("main.c"),
    ] {
        assert_eq!(complaints(&commands, &file), "", "{}", file.display());
    }
}
