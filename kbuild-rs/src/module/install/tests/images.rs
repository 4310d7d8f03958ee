//! What an installation leaves in a root, and what it leaves alone.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::super::InstallAction;
use super::{RELEASE, World, said};

#[test]
fn a_module_is_installed_once_and_found_by_modprobe() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    let report = world.install().unwrap();
    assert_eq!(report.changes.len(), 1);
    assert_eq!(report.changes[0].action, InstallAction::Installed);
    let there = fs::read(world.file("updates/hello.ko")).unwrap();
    assert_eq!(there, fs::read(world.scratch.join("out/hello.ko")).unwrap());
    let dep = fs::read_to_string(world.file("modules.dep")).unwrap();
    assert!(dep.contains("updates/hello.ko:"), "{dep}");
    let before = world.system();
    let index = fs::metadata(world.file("modules.dep")).unwrap().ino();
    let again = world.install().unwrap();
    assert_eq!(again.changes[0].action, InstallAction::Unchanged);
    assert_eq!(world.system(), before);
    let index_now = fs::metadata(world.file("modules.dep")).unwrap().ino();
    assert_eq!(index, index_now, "depmod ran");
    world.check();
}

#[test]
fn the_version_of_a_module_is_never_a_reason_to_skip_it() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1\0version=3");
    world.install().unwrap();
    for text in ["2\0version=3", "3\0version=1", "4"] {
        world.build("hello", text);
        let report = world.install().unwrap();
        assert_eq!(report.changes[0].action, InstallAction::Updated, "{text}");
    }
}

#[test]
fn uninstall_leaves_the_root_as_it_was() {
    let Some(world) = World::new() else { return };
    world.foreign("updates/hello.ko.xz", b"somebody's");
    world.foreign("updates/dkms/ring.ko", b"not even a module");
    fs::remove_file(world.file("updates/dkms/ring.ko")).unwrap();
    let xz = world.file("updates/hello.ko.xz");
    fs::set_permissions(&xz, fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(&xz, world.root().join("other-name")).unwrap();
    symlink("../kernel/drivers/disk.ko", world.file("updates/disk.ko")).unwrap();
    world.depmod();
    let before = world.snapshot();
    for round in 0..3 {
        for (name, text) in [("hello", "1"), ("ring", "1"), ("disk", "1"), ("hello", "2")] {
            world.build(name, text);
            world
                .install_with(&|install| {
                    install.replace(true).load(round == 1);
                    if round == 2 {
                        install.dir("sub/folder");
                    }
                })
                .unwrap();
            world.check();
        }
        world.rollback().unwrap();
        world.check();
        world.rollback().unwrap();
        world.uninstall("ring").unwrap();
        world.check();
        world.rollback().unwrap();
        world.check();
        let report = world.uninstall_all().unwrap();
        assert!(report.notes.is_empty(), "{:?}", report.notes);
        assert_eq!(world.snapshot(), before, "round {round}");
    }
}

#[test]
fn a_root_that_is_filled_for_a_package_is_empty_again() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    let target = world.scratch.create_dir("package");
    let mut install = super::Install::new();
    install
        .input(world.scratch.join("out"))
        .root(&target)
        .load(true);
    let report = install.run(&|_| {}).unwrap();
    assert!(report.notes[0].contains("depmod -b"), "{:?}", report.notes);
    assert!(report.changes[0].path.starts_with(&target), "{report:?}");
    assert!(
        target
            .join("lib/modules")
            .join(RELEASE)
            .join("updates/hello.ko")
            .is_file()
    );
    assert!(
        target
            .join("etc/modules-load.d/kbuild-rs-hello.conf")
            .is_file()
    );
    super::Uninstall::new()
        .all(true)
        .root(&target)
        .run(&|_| {})
        .unwrap();
    let left: Vec<_> = fs::read_dir(&target).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn nothing_is_written_through_a_link() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    world.install().unwrap();
    // Somebody replaces our file by links to something precious.
    let path = world.file("updates/hello.ko");
    let precious = world.scratch.write("root/precious", "precious");
    for is_hard in [false, true] {
        fs::remove_file(&path).unwrap();
        match is_hard {
            true => fs::hard_link(&precious, &path).unwrap(),
            false => symlink(&precious, &path).unwrap(),
        }
        world.build("hello", if is_hard { "2" } else { "3" });
        let refused = said(world.install());
        assert!(refused.contains("--replace"), "{refused}");
        world
            .install_with(&|install| {
                install.replace(true);
            })
            .unwrap();
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
        world.check();
    }
    // The hard link was last: it comes back with the module's removal.
    world.uninstall_all().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert_eq!(fs::metadata(&path).unwrap().nlink(), 2);
}

#[test]
fn a_file_that_changed_since_stays() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    world.install().unwrap();
    fs::write(world.file("updates/hello.ko"), "mine").unwrap();
    let problems = super::Installation::of(world.root()).verify().unwrap();
    assert!(
        problems[0].message.contains("content changed"),
        "{problems:?}"
    );
    let report = world.uninstall("hello").unwrap();
    assert!(report.notes[0].contains("stays"), "{:?}", report.notes);
    assert_eq!(fs::read(world.file("updates/hello.ko")).unwrap(), b"mine");
    assert!(!world.root().join("var").exists());
}

#[test]
fn a_file_of_the_same_rank_gets_an_override_and_one_that_wins_is_an_error() {
    let Some(world) = World::new() else { return };
    let ring = super::module("ring", RELEASE, "text=dkms\0");
    world.foreign("updates/dkms/ring.ko", &ring);
    world.depmod();
    world.build("ring", "ours");
    world.install().unwrap();
    world.check();
    let conf = world
        .root()
        .join(format!("etc/depmod.d/kbuild-rs-{RELEASE}.conf"));
    let text = fs::read_to_string(&conf).unwrap();
    assert!(
        text.contains("override ring ^6[.]1[.]0-1[+]x$ updates\n"),
        "{text}"
    );
    world.uninstall_all().unwrap();
    assert!(!conf.exists());

    world
        .scratch
        .write("root/etc/depmod.d/a.conf", "override ring * updates/dkms\n");
    world
        .scratch
        .write("root/etc/depmod.d/z.conf", "override ring * updates/dkms\n");
    world.depmod();
    let before = world.snapshot();
    let error = said(world.install());
    assert!(
        error.contains("updates/dkms/ring.ko") && error.contains("\n    mv "),
        "{error}"
    );
    assert_eq!(world.snapshot(), before);
}

#[test]
fn sixteen_installs_at_once_are_all_there() {
    let Some(world) = World::new() else { return };
    for i in 0..16 {
        let name = format!("m{i}");
        let bytes = super::module(&name, RELEASE, "");
        world.scratch.write(&format!("many/{i}/{name}.ko"), bytes);
    }
    std::thread::scope(|scope| {
        for i in 0..16 {
            let world = &world;
            scope.spawn(move || {
                let mut install = super::Install::new();
                install
                    .input(world.scratch.join(&format!("many/{i}")))
                    .root(world.root());
                install.run(&|_| {}).unwrap();
            });
        }
    });
    let modules = super::Installation::of(world.root()).modules().unwrap();
    assert_eq!(modules.len(), 16);
    world.check();
}

#[test]
fn a_dry_run_changes_nothing() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    let before = world.snapshot();
    let report = world
        .install_with(&|install| {
            install.dry_run(true);
        })
        .unwrap();
    assert_eq!(report.changes.len(), 1);
    assert_eq!(world.snapshot(), before);
    world.install().unwrap();
    let before = world.snapshot();
    let mut uninstall = super::Uninstall::new();
    uninstall.all(true).root(world.root()).dry_run(true);
    assert_eq!(uninstall.run(&|_| {}).unwrap().changes.len(), 1);
    let mut rollback = super::Rollback::new();
    rollback.root(world.root()).dry_run(true);
    assert_eq!(rollback.run(&|_| {}).unwrap().changes.len(), 1);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_module_that_was_removed_by_hand_does_not_stop_another_one() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    world.install().unwrap();
    fs::remove_file(world.file("updates/hello.ko")).unwrap();
    fs::remove_file(world.scratch.join("out/hello.ko")).unwrap();
    world.build("other", "1");
    let report = world.install().unwrap();
    assert!(
        report.notes[0].contains("modprobe hello does not load"),
        "{:?}",
        report.notes
    );
    world.build("hello", "1");
    world.install().unwrap();
    world.check();
}

#[test]
fn a_root_that_cannot_be_written_to_names_the_ways_out() {
    for kind in [
        std::io::ErrorKind::PermissionDenied,
        std::io::ErrorKind::ReadOnlyFilesystem,
    ] {
        let path = std::path::Path::new("/lib/modules");
        let error = crate::sys::tree::installing("write to", path, kind.into()).to_string();
        assert!(
            error.contains("\n    kbuild-rs install --root DIR"),
            "{error}"
        );
        assert!(error.contains("\n    kbuild-rs package"), "{error}");
    }
}

#[test]
fn a_limit_that_stops_an_installation_is_named() {
    let error = rustix::io::Errno::MFILE.into();
    let path = std::path::Path::new("/lib/modules");
    let error = crate::sys::tree::installing("open", path, error).to_string();
    assert!(error.contains("(ulimit -n)"), "{error}");
}

#[test]
fn a_hard_link_is_made_on_request_only() {
    let Some(world) = World::new() else { return };
    let built = world.build("hello", "1").join("hello.ko");
    world.install().unwrap();
    assert_eq!(fs::metadata(&built).unwrap().nlink(), 1);
    world.uninstall_all().unwrap();
    world
        .install_with(&|install| {
            install.hard_link(true);
        })
        .unwrap();
    let (one, other) = (
        fs::metadata(&built),
        fs::metadata(world.file("updates/hello.ko")),
    );
    assert_eq!(one.unwrap().ino(), other.unwrap().ino());
    world.check();
}

#[test]
fn an_index_that_lost_a_module_is_made_again_and_rollback_stays_possible() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    world.install().unwrap();
    let first = world.system();
    world.build("hello", "2");
    world.install().unwrap();
    for _ in 0..2 {
        fs::write(world.file("modules.dep"), "").unwrap();
        world.install().unwrap();
        world.check();
    }
    world.rollback().unwrap();
    assert_eq!(world.system(), first);
}

#[test]
fn verify_names_a_lost_file_that_rollback_needs() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    world.install().unwrap();
    world.build("hello", "2");
    world.install().unwrap();
    world.check();
    let store = world.root().join("var/lib/kbuild-rs").join("store");
    for kept in fs::read_dir(store).unwrap() {
        fs::remove_file(kept.unwrap().path()).unwrap();
    }
    let problems = super::Installation::of(world.root()).verify().unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].path, world.file("updates/hello.ko"));
    let message = &problems[0].message;
    assert!(message.contains("rollback cannot restore it"), "{message}");
    world.rollback().unwrap_err();
    world.build("hello", "3");
    world.install().unwrap();
    world.check();
    world.rollback().unwrap();
}

#[test]
fn verify_does_not_miss_a_file_that_another_release_still_uses() {
    let Some(world) = World::new() else { return };
    let other = "6.2.0";
    let bytes = super::module("hello", other, "");
    world.scratch.write("out/other/hello.ko", bytes);
    world.build("hello", "1");
    world
        .install_with(&|install| {
            install.load(true);
        })
        .unwrap();
    for release in [RELEASE, other] {
        let mut uninstall = super::Uninstall::new();
        uninstall.all(true).kernel(release).root(world.root());
        uninstall.run(&|_| {}).unwrap();
        world.check();
    }
    assert!(!world.root().join("var").exists());
}
