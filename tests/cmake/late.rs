//! A user saves a source during the build.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use kbuild_tests::lab;

use crate::project::*;
use crate::support::*;

#[test]
fn a_file_that_is_edited_while_make_runs_is_built_next_time() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(late LANGUAGES NONE)\n{PACKAGE}\
         kbuild_add_module(hello hello.c)\n"
    );
    let files = [("CMakeLists.txt", &*lists), ("hello.c", HELLO)];
    for with in CORNERS {
        let project = Project::for_kernel(with, &kernel, &files);
        let scratch = tempfile::tempdir().unwrap();
        let compiler = scratch.path().join("late-cc");
        // The script edits the source once, right after its compiler has ended.
        let script = format!(
            "#!/bin/sh\n{real} \"$@\"; status=$?\n\
             case \" $* \" in *' -c '*hello.c*)\n  \
               [ -e '{once}' ] || {{ echo '/* saved */' >> '{source}'; : > '{once}'; }} ;;\nesac\n\
             exit $status\n",
            real = kernel.cc.as_deref().unwrap_or("gcc"),
            once = scratch.path().join("once").display(),
            source = project.source().join("hello.c").display()
        );
        fs::write(&compiler, script).unwrap();
        fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
        project.configured(&[&format!("-DKbuild_CC={}", compiler.display())]);
        assert_eq!(project.builds(), ["hello"], "{with:?}");
        assert!(scratch.path().join("once").exists());
        assert_eq!(project.builds(), ["hello"], "{with:?}");
        assert_eq!(project.builds(), [""; 0], "{with:?}");
    }
}
