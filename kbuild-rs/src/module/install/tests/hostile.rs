//! Images of another party.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::super::site::STATE;
use super::{RELEASE, World, said};

fn journal(world: &World) -> PathBuf {
    world.root().join(STATE).join(format!("{RELEASE}.json"))
}

fn installed() -> Option<World> {
    let world = World::new()?;
    world.build("hello", "1");
    world.install().unwrap();
    Some(world)
}

#[test]
fn a_root_whose_lib_is_a_link_is_used() {
    let Some(world) = World::new() else { return };
    world.scratch.create_dir("root/usr");
    fs::rename(world.root().join("lib"), world.root().join("usr/lib")).unwrap();
    symlink("/usr/lib", world.root().join("lib")).unwrap();
    world.build("hello", "1");
    let before = world.snapshot();
    world.install().unwrap();
    let path = world.root().join("usr/lib/modules").join(RELEASE);
    assert!(path.join("updates/hello.ko").is_file());
    world.check();
    world.uninstall_all().unwrap();
    assert_eq!(world.snapshot(), before);
}

#[test]
fn an_entry_of_a_journal_that_leads_elsewhere_is_refused() {
    let Some(world) = installed() else { return };
    let path = format!("lib/modules/{RELEASE}/updates/hello.ko");
    let text = fs::read_to_string(journal(&world)).unwrap();
    for hostile in [
        "etc/passwd".to_owned(),
        format!("lib/modules/{RELEASE}/../../../etc/passwd"),
        format!("/lib/modules/{RELEASE}/updates/hello.ko"),
        "lib/modules/other/updates/hello.ko".to_owned(),
        "etc/depmod.d/x/y.conf".to_owned(),
    ] {
        fs::write(journal(&world), text.replace(&path, &hostile)).unwrap();
        let before = world.snapshot();
        let error = said(world.uninstall_all());
        assert!(error.contains("never writes"), "{hostile}: {error}");
        assert_eq!(world.snapshot(), before, "{hostile}");
    }
    let hash = text
        .split("\"sha256\": \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    fs::write(journal(&world), text.replace(hash, "../../../etc/passwd")).unwrap();
    assert!(said(world.uninstall_all()).contains("never writes"));
    fs::write(journal(&world), "{").unwrap();
    assert!(said(world.uninstall_all()).contains("is not a journal"));
}

#[test]
fn links_and_fifos_in_the_place_of_our_files_are_refused() {
    let Some(world) = installed() else { return };
    let outside = world.scratch.write("outside", "precious");
    let own = fs::read(journal(&world)).unwrap();
    let back = || {
        fs::remove_file(journal(&world)).unwrap();
        fs::write(journal(&world), &own).unwrap();
    };
    fs::remove_file(journal(&world)).unwrap();
    symlink(&outside, journal(&world)).unwrap();
    assert!(said(world.install()).contains("is not a regular file"));
    fs::remove_file(journal(&world)).unwrap();
    crate::sys::make_fifo(&journal(&world)).unwrap();
    assert!(said(world.install()).contains("is not a regular file"));
    back();

    let state = world.root().join(STATE);
    let moved = world.root().join("moved");
    fs::rename(&state, &moved).unwrap();
    symlink(&moved, &state).unwrap();
    assert!(said(world.install()).contains("is a link"));
    fs::remove_file(&state).unwrap();
    fs::rename(&moved, &state).unwrap();

    let updates = world.file("updates");
    fs::rename(&updates, world.file("elsewhere")).unwrap();
    symlink("elsewhere", &updates).unwrap();
    let error = said(world.install());
    assert!(error.contains("updates is a link"), "{error}");
    fs::remove_file(&updates).unwrap();
    fs::rename(world.file("elsewhere"), &updates).unwrap();

    fs::remove_file(world.file("modules.order")).unwrap();
    crate::sys::make_fifo(&world.file("modules.order")).unwrap();
    world.build("hello", "2");
    let error = said(world.install());
    assert!(
        error.contains("modules.order is not a regular file"),
        "{error}"
    );
    assert_eq!(fs::read(&outside).unwrap(), b"precious");
}

#[test]
fn links_and_fifos_among_the_built_modules_are_left_out() {
    let Some(world) = World::new() else { return };
    let out = world.build("hello", "1");
    symlink("/etc/passwd", out.join("link.ko")).unwrap();
    crate::sys::make_fifo(&out.join("fifo.ko")).unwrap();
    fs::create_dir_all(out.join(".kbuild/key")).unwrap();
    fs::copy(out.join("hello.ko"), out.join(".kbuild/key/private.ko")).unwrap();
    assert_eq!(world.install().unwrap().changes.len(), 1);
    fs::write(out.join(".kbuild/key/running"), "").unwrap();
    assert!(said(world.install()).contains("interrupted"));
}
