//! The lock of a root.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use super::super::site::STATE;
use super::{RELEASE, World, said};
use crate::module::modinfo::tests::module;

#[test]
fn a_lock_on_the_root_that_every_user_can_hold_stops_nobody() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    let mut held = Vec::new();
    for folder in ["", "lib", "lib/modules"] {
        let folder = fs::File::open(world.root().join(folder)).unwrap();
        assert!(crate::sys::try_lock(&folder).unwrap());
        held.push(folder);
    }
    let before = world.snapshot();
    world.install().unwrap();
    let lock = world.root().join(STATE).join("lock");
    assert_eq!(fs::metadata(lock).unwrap().mode() & 0o777, 0o600);
    world.uninstall_all().unwrap();
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_call_that_fails_or_has_nothing_to_do_leaves_no_lock() {
    let Some(world) = World::new() else { return };
    let before = world.snapshot();
    world.foreign("updates/hello.ko", b"somebody's");
    world.build("hello", "1");
    assert!(said(world.install()).contains("--replace"));
    assert!(said(world.uninstall("hello")).contains("has not installed"));
    assert!(said(world.rollback()).contains("nothing to go back to"));
    fs::remove_dir_all(world.file("updates")).unwrap();
    assert_eq!(world.snapshot(), before);
    // What a killed call leaves goes with the next one.
    world.scratch.write("root/var/lib/kbuild-rs/lock", "");
    world.install().unwrap();
    world.uninstall_all().unwrap();
    assert!(!world.root().join(STATE).exists());
}

#[test]
fn a_lock_that_is_no_file_is_refused() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    let precious = world.scratch.write("precious", "");
    let lock = world.root().join(STATE).join("lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    symlink(&precious, &lock).unwrap();
    assert!(said(world.install()).contains("is not a regular file"));
    fs::remove_file(&lock).unwrap();
    crate::sys::make_fifo(&lock).unwrap();
    assert!(said(world.install()).contains("is not a regular file"));
}

#[test]
fn calls_that_make_and_remove_the_lock_at_once_lose_nothing() {
    let Some(world) = World::new() else { return };
    let before = world.snapshot();
    let root = world.root();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let name = format!("m{number}");
            let bytes = module(&name, RELEASE, "");
            let built = world
                .scratch
                .write(&format!("out-{number}/{name}.ko"), bytes);
            let root = &root;
            scope.spawn(move || {
                for round in 0..10 {
                    one_round(&name, &built, root, round);
                }
            });
        }
    });
    assert_eq!(world.snapshot(), before);
}

fn one_round(name: &str, built: &Path, root: &Path, round: usize) {
    let mut install = super::Install::new();
    install.input(built).root(root).depmod(false).jobs(1);
    install
        .run(&|_| {})
        .unwrap_or_else(|e| panic!("{name} {round}: {e}"));
    let installed = super::Installation::of(root).modules();
    let is_there = installed.is_ok_and(|all| all.iter().any(|module| module.name == name));
    // A journal that changes while it is read is no error of the lock.
    let path = root.join(format!("lib/modules/{RELEASE}/updates/{name}.ko"));
    assert!(is_there || path.exists(), "{name} {round}");
    let mut uninstall = super::Uninstall::new();
    uninstall.module(name).root(root).depmod(false);
    uninstall
        .run(&|_| {})
        .unwrap_or_else(|e| panic!("{name} {round}: {e}"));
    assert!(!path.exists(), "{name} {round}");
}
