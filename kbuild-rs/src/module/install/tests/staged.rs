//! Installations without a journal.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{RELEASE, World};
use crate::module::install::{Install, InstallAction, InstallReport};
use crate::{ErrorKind, Result};

/// A folder that becomes a package, which nobody has created yet.
fn destdir(world: &World) -> PathBuf {
    world.scratch.join("packages/dest dir")
}

fn stage(world: &World, root: &Path, set: &dyn Fn(&mut Install)) -> Result<InstallReport> {
    let mut install = Install::new();
    install.input(world.scratch.join("out")).root(root);
    install.journal(false);
    set(&mut install);
    install.run(&|_| {})
}

fn files(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut ahead = vec![root.to_owned()];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => ahead.push(path),
                false => files.push(path.strip_prefix(root).unwrap().display().to_string()),
            }
        }
    }
    files.sort();
    files
}

fn actions(report: &InstallReport) -> Vec<InstallAction> {
    report.changes.iter().map(|change| change.action).collect()
}

#[test]
fn a_package_in_the_making_gets_the_modules_and_nothing_else() {
    let Some(world) = World::new() else { return };
    let root = destdir(&world);
    world.build("hello", "1");
    world.build("ring-log", "1");
    let report = stage(&world, &root, &|install| {
        install.dry_run(true);
    })
    .unwrap();
    assert_eq!(report.changes.len(), 2);
    assert!(!root.exists());

    let report = stage(&world, &root, &|_| {}).unwrap();
    assert_eq!(actions(&report), [InstallAction::Installed; 2]);
    let updates = format!("lib/modules/{RELEASE}/updates");
    let wanted = ["hello", "ring-log"].map(|name| format!("{updates}/{name}.ko"));
    assert_eq!(files(&root), wanted);
    assert_eq!(report.changes[0].path, root.join(&wanted[0]));
    assert!(
        report.notes[0].contains(&format!("depmod {RELEASE}")),
        "{report:?}"
    );

    // As make modules_install, it replaces a file that somebody else has left.
    let stale = root.join(&updates).join("hello.ko.xz");
    fs::write(&stale, "an older one").unwrap();
    fs::write(root.join(&wanted[1]), "another one").unwrap();
    let report = stage(&world, &root, &|_| {}).unwrap();
    let wanted_actions = [
        InstallAction::Unchanged,
        InstallAction::Removed,
        InstallAction::Updated,
    ];
    assert_eq!(actions(&report), wanted_actions);
    assert_eq!(files(&root), wanted);
    let built = world.scratch.join("out/ring-log.ko");
    assert_eq!(
        fs::read(root.join(&wanted[1])).unwrap(),
        fs::read(built).unwrap()
    );
}

#[test]
fn a_folder_with_a_slash_starts_at_that_of_the_release() {
    let Some(world) = World::new() else { return };
    let root = destdir(&world);
    world.build("hello", "1");
    for (dir, folder) in [("/extra", "extra"), ("a/b/", "updates/a/b")] {
        let report = stage(&world, &root, &|install| {
            install.dir(dir);
        })
        .unwrap();
        let path = format!("lib/modules/{RELEASE}/{folder}/hello.ko");
        assert_eq!(report.changes[0].path, root.join(path));
    }
    for dir in ["../x", "/", "/../x", "a b", "//x/../y"] {
        let error = stage(&world, &root, &|install| {
            install.dir(dir);
        })
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{dir}");
    }
}

#[test]
fn the_running_system_and_a_root_with_a_journal_are_refused() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    let link = world.scratch.join("link");
    symlink("/", &link).unwrap();
    for root in [Path::new("/"), &link] {
        let error = stage(&world, root, &|install| {
            install.dry_run(true);
        })
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    world.install().unwrap();
    let before = world.snapshot();
    let error = stage(&world, &world.root(), &|_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOurs, "{error}");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn an_image_with_a_kernel_gets_an_index_that_leads_to_the_modules() {
    let Some(world) = World::new() else { return };
    world.build("ring", "another ring");
    stage(&world, &world.root(), &|_| {}).unwrap();
    let dep = fs::read_to_string(world.file("modules.dep")).unwrap();
    let rings: Vec<&str> = dep.lines().filter(|line| line.contains("ring")).collect();
    assert_eq!(rings, ["updates/ring.ko:"]);
    assert!(!world.root().join("var").exists());
}

#[test]
fn no_link_is_followed_and_a_failure_leaves_nothing_half_done() {
    let Some(world) = World::new() else { return };
    let root = destdir(&world);
    world.build("hello", "1");
    let updates = root.join("lib/modules").join(RELEASE).join("updates");
    fs::create_dir_all(&updates).unwrap();
    world.scratch.write("precious", "precious");
    symlink(world.scratch.join("precious"), updates.join("hello.ko")).unwrap();
    world.build("another", "1");
    stage(&world, &root, &|_| {}).unwrap_err();
    assert_eq!(fs::read_dir(&updates).unwrap().count(), 1);
    assert_eq!(
        fs::read(world.scratch.join("precious")).unwrap(),
        b"precious"
    );
}
