//! What changes outside of the project, and what must not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::run;
use kbuild_tests::snapshot::Snapshot;

use crate::project::*;
use crate::support::kernel_tree::link_headers;
use crate::support::*;

const NOTHING: [&str; 0] = [];

const USER: &str = "\
#include <linux/module.h>
#include <linux/crc7.h>
#ifdef ADDED
int added(void);
int added(void) { return ADDED; }
#endif
MODULE_LICENSE(\"GPL\");
";

/// Two modules, one of which includes `linux/crc7.h`, for a kernel tree of their own below `at`.
fn two_modules(with: With, at: &Path) -> (Project, LabKernel) {
    let kernel = link_headers(&lab::kernel(lab::names()[0]).unwrap(), at);
    for file in [header(&kernel), symvers(&kernel), configuration(&kernel)] {
        // So far it is a link to the lab's own.
        let text = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        fs::write(&file, text).unwrap();
    }
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(world LANGUAGES NONE)\n{PACKAGE}\
         kbuild_add_module(other other.c)\nkbuild_add_module(user user.c)\n"
    );
    let files = [
        ("CMakeLists.txt", &*lists),
        ("other.c", HELLO),
        ("user.c", USER),
    ];
    (Project::for_kernel(with, &kernel, &files), kernel)
}

fn header(kernel: &LabKernel) -> std::path::PathBuf {
    kernel.common.join("include/linux/crc7.h")
}

fn symvers(kernel: &LabKernel) -> std::path::PathBuf {
    kernel.kdir.join("Module.symvers")
}

fn configuration(kernel: &LabKernel) -> std::path::PathBuf {
    kernel.kdir.join("include/config/auto.conf")
}

fn append(file: &Path, line: &str) {
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text + line).unwrap();
}

#[test]
fn the_kernel_tree_is_watched_and_left_alone_and_so_is_the_compiler() {
    for with in CORNERS {
        let tree = tempfile::tempdir().unwrap();
        let (project, kernel) = two_modules(with, tree.path());
        let compiler = tree.path().join("compiler");
        let real = kernel.cc.as_deref().unwrap_or("gcc-12");
        fs::write(&compiler, format!("#!/bin/sh\nexec {real} \"$@\"\n")).unwrap();
        fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
        let before = Snapshot::take(tree.path()).unwrap();
        project.configured(&[&format!("-DKbuild_CC={}", compiler.display())]);
        assert_eq!(project.builds(), ["other", "user"], "{with:?}");
        assert_untouched(&before, tree.path());
        assert_eq!(project.builds(), NOTHING, "{with:?}");

        append(&header(&kernel), "#define ADDED 7\n");
        assert_eq!(project.builds(), ["user"], "{with:?}: a header");
        append(
            &symvers(&kernel),
            "0x12345678\tadded\tvmlinux\tEXPORT_SYMBOL\t\n",
        );
        assert_eq!(project.builds(), ["other", "user"], "{with:?}: symbols");
        append(&configuration(&kernel), "CONFIG_ADDED=y\n");
        assert_eq!(project.builds(), ["other", "user"], "{with:?}: a setting");
        append(&compiler, "# Another one.\n");
        assert_eq!(project.builds(), ["other", "user"], "{with:?}: a compiler");
        assert_eq!(project.builds(), NOTHING, "{with:?}");
    }
}

/// As a package upgrade does it: files with times of long ago, which neither make nor Ninja takes
/// for a change, come into the places of others.
#[test]
fn an_upgrade_of_an_installed_kernel_tree_is_noticed_although_its_files_are_old() {
    for with in CORNERS {
        let tree = tempfile::tempdir().unwrap();
        let (project, kernel) = two_modules(with, tree.path());
        project.configured(&[]);
        // An installed tree is one that whoever builds cannot write.
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
        fs::write(&upgrade, text + "#define ADDED 7\n").unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let file = fs::File::options().append(true).open(&upgrade).unwrap();
        file.set_modified(long_ago).unwrap();
        fs::rename(&upgrade, &header).unwrap();
        // Both look; one has to be made.
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
