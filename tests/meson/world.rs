//! Changes outside of the project: some must start a build, others must not.

use std::fs;
use std::time::SystemTime;

use kbuild_tests::lab;
use kbuild_tests::snapshot::Snapshot;

use crate::changeable::*;
use crate::project::*;
use crate::support::*;

const NOTHING: [&str; 0] = [];

#[test]
fn the_kernel_tree_and_the_compiler_are_watched_and_not_written_to() {
    let tree = tempfile::tempdir().unwrap();
    let kernel = changeable(&lab::kernel(lab::names()[0]).unwrap(), tree.path());
    let compiler = compiler_of(&kernel, tree.path());
    let files = [
        (
            "meson.build",
            "project('world', meson_version: '>=1.0')\n\
             kbuild = import('kbuild')\n\
             kernel = kbuild.kernel(cc: get_option('cc'))\n\
             message('added:', kernel.config('CONFIG_ADDED'))\n\
             kbuild.module('other', 'other.c', kernel: kernel)\n\
             kbuild.module('user', 'user.c', kernel: kernel)\n",
        ),
        ("meson_options.txt", "option('cc', type: 'string')\n"),
        ("other.c", HELLO),
        ("user.c", USER_OF_CRC7),
    ];
    let project = Project::for_kernel(CORNERS[0], &kernel, &files);
    let untouched = [tree.path().to_owned(), project.source()];
    let before = untouched
        .each_ref()
        .map(|folder| Snapshot::take(folder).unwrap());
    let assert_all_untouched = || {
        for (before, folder) in before.iter().zip(&untouched) {
            assert_untouched(before, folder);
        }
    };
    project.set_up(&[&format!("-Dcc={}", compiler.display())]);
    assert_all_untouched();
    assert_eq!(project.builds(), ["other", "user"]);
    assert_all_untouched();
    assert_eq!(project.builds(), NOTHING);

    append(&header(&kernel), ADDED);
    assert_eq!(project.builds(), ["user"], "a header");
    // Only the time changes: Ninja starts kbuild-rs once, and then knows the new time.
    let touched = fs::File::options().append(true).open(header(&kernel));
    touched.unwrap().set_modified(SystemTime::now()).unwrap();
    assert_eq!(project.builds(), ["user"], "a touched header");
    assert_eq!(project.builds(), NOTHING, "a touched header");
    append(&symvers(&kernel), ADDED_SYMBOL);
    assert_eq!(project.builds(), ["other", "user"], "symbols");
    append(&compiler, "# Another one.\n");
    assert_eq!(project.builds(), ["other", "user"], "a compiler");
    assert_eq!(project.builds(), NOTHING);

    append(&configuration(&kernel), ADDED_SETTING);
    let set_up_again = built(&mut project.ninja(&["-j1", "build.ninja"])).out();
    assert!(set_up_again.contains("added: y"), "{set_up_again}");
    assert_eq!(project.builds(), ["other", "user"], "a setting");
    assert_eq!(project.builds(), NOTHING);
}
