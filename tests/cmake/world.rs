//! Changes outside of the project: some must start a build, others must not.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::run;
use kbuild_tests::snapshot::Snapshot;

use crate::changeable::*;
use crate::project::*;
use crate::support::*;

const NOTHING: [&str; 0] = [];

/// Two modules, one of which includes `linux/crc7.h`, for their own kernel tree below `at`.
fn two_modules(with: With, at: &Path) -> (Project, LabKernel) {
    let kernel = changeable(&lab::kernel(lab::names()[0]).unwrap(), at);
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(world LANGUAGES NONE)\n{PACKAGE}\
         kbuild_add_module(other other.c)\nkbuild_add_module(user user.c)\n"
    );
    let files = [
        ("CMakeLists.txt", &*lists),
        ("other.c", HELLO),
        ("user.c", USER_OF_CRC7),
    ];
    (Project::for_kernel(with, &kernel, &files), kernel)
}

#[test]
fn the_kernel_tree_and_the_compiler_are_watched_and_not_written_to() {
    for with in corners(0) {
        let tree = tempfile::tempdir().unwrap();
        let (project, kernel) = two_modules(with, tree.path());
        let compiler = compiler_of(&kernel, tree.path());
        let before = Snapshot::take(tree.path()).unwrap();
        project.configured(&[&format!("-DKbuild_CC={}", compiler.display())]);
        assert_eq!(project.builds(), ["other", "user"], "{with:?}");
        assert_untouched(&before, tree.path());
        assert_eq!(project.builds(), NOTHING, "{with:?}");

        append(&header(&kernel), ADDED);
        assert_eq!(project.builds(), ["user"], "{with:?}: a header");
        append(&symvers(&kernel), ADDED_SYMBOL);
        assert_eq!(project.builds(), ["other", "user"], "{with:?}: symbols");
        append(&configuration(&kernel), ADDED_SETTING);
        assert_eq!(project.builds(), ["other", "user"], "{with:?}: a setting");
        append(&compiler, "# Another one.\n");
        assert_eq!(project.builds(), ["other", "user"], "{with:?}: a compiler");
        assert_eq!(project.builds(), NOTHING, "{with:?}");
    }
}

/// A package upgrade does the same: it replaces files by others with old times, and neither make
/// nor Ninja takes that for a change.
#[test]
fn an_upgrade_of_an_installed_kernel_tree_is_noticed_although_its_files_are_old() {
    for with in corners(1) {
        let tree = tempfile::tempdir().unwrap();
        let (project, kernel) = two_modules(with, tree.path());
        project.configured(&[]);
        // The builder cannot write to an installed tree.
        let script = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
        let build = project.build_with_jobs(2);
        let mut first = Command::new("unshare");
        first.args(["--mount", "sh", "-c", script]).arg(tree.path());
        first.arg(build.get_program()).args(build.get_args());
        if !run::run(Command::new("unshare").args(["--mount", "true"]), LIMIT)
            .is_ok_and(|output| output.status.success())
        {
            println!("not run: it takes root to mount something");
            return;
        }
        built(&mut first);
        assert_eq!(project.builds(), NOTHING, "{with:?}");
        let products = || modules(&project.out());
        let before = products();

        let header = header(&kernel);
        let text = fs::read_to_string(&header).unwrap();
        let upgrade = header.with_extension("dpkg-new");
        fs::write(&upgrade, text + ADDED).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let file = fs::File::options().append(true).open(&upgrade).unwrap();
        file.set_modified(long_ago).unwrap();
        fs::rename(&upgrade, &header).unwrap();
        // Both rules run; one module is compiled.
        assert_eq!(project.builds(), ["other", "user"], "{with:?}");
        let after = products();
        assert_eq!(before["other.ko"], after["other.ko"], "{with:?}");
        assert_ne!(before["user.ko"], after["user.ko"], "{with:?}");
        assert_eq!(project.builds(), NOTHING, "{with:?}");
    }
}

#[test]
fn a_make_that_only_tells_what_it_would_do_builds_nothing() {
    for cmake in ["3.25", "newest"] {
        let with = With {
            cmake,
            ..CORNERS[0]
        };
        let tree = tempfile::tempdir().unwrap();
        let (project, _) = two_modules(with, tree.path());
        project.configured(&["-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]);
        let mut make = Command::new("make");
        built(make.args(["-n", "-j2"]).current_dir(project.build_dir()));
        assert!(!project.build_dir().join("kbuild-out").exists(), "{with:?}");
    }
}
