//! Packages, as docs/packaging.md makes them: `meson dist` packs the sources, and `kbuild-rs package`
//! the modules of the build folder.

use std::fs;
use std::process::Command;

use kbuild_tests::run;

use crate::project::*;
use crate::support::*;

const PROJECT: &str = "project('rings', 'c', version: '1.4')\n\
    kbuild = import('kbuild')\n\
    kbuild.module('ring', 'ring.c', install: true)\n";

#[test]
fn sources_are_packed_by_meson_and_modules_by_kbuild_rs() {
    let with = corners(0).into_iter().next().unwrap();
    let project = Project::new(with, &[("meson.build", PROJECT), ("ring.c", HELLO)]);
    let source = project.source();
    for args in [
        &["init", "-q"][..],
        &["add", "."],
        &[
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@x",
            "commit",
            "-qm",
            "x",
        ],
    ] {
        let mut git = Command::new("git");
        leave_git(git.current_dir(&source).args(args));
        run::checked(&mut git, LIMIT).unwrap();
    }
    project.set_up(&[]);
    assert_eq!(project.builds(), ["ring"]);
    let mut dist = project.meson();
    dist.args(["dist", "--no-tests", "-C"])
        .arg(project.build_dir());
    leave_git(&mut dist);
    built(&mut dist);
    let archive = project.out("meson-dist/rings-1.4.tar.xz");
    assert!(archive.exists());

    let packages = project.scratch().join("packages");
    let mut package = Command::new(program());
    package.arg("package").arg(project.build_dir());
    package
        .args(["--format", "tar", "--compress", "none", "--out-dir"])
        .arg(&packages);
    let output = built(&mut package);
    let mut list = Command::new("tar");
    let listed = run::checked(list.arg("-tzf").arg(output.out().trim()), LIMIT).unwrap();
    let release = &project.kernel().release;
    assert_eq!(
        listed.out(),
        format!("lib/modules/{release}/updates/ring.ko\n")
    );
    assert_eq!(fs::read_dir(&packages).unwrap().count(), 1);
}
