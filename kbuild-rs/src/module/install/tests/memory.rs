//! What a second call believes about files that an earlier one read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::report::InstallAction;
use super::super::site::STATE;
use super::{RELEASE, World, said};

fn memory(world: &World) -> PathBuf {
    world.root().join(STATE).join(format!("{RELEASE}.memory"))
}

/// A module that is installed, and remembered: all files are older than a tick of the clock.
fn remembered() -> Option<World> {
    let world = World::new()?;
    world.build("hello", "1");
    world.install().unwrap();
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(action(&world), InstallAction::Unchanged);
    Some(world)
}

fn action(world: &World) -> InstallAction {
    let report = world.install().unwrap();
    assert_eq!(report.changes.len(), 1, "{report:?}");
    report.changes[0].action
}

/// Another content of the same size, and the old time.
fn change_secretly(path: &Path, is_new_file: bool) {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    let text = fs::read(path).unwrap();
    let at = text.windows(5).position(|w| w == b"text=").unwrap() + 5;
    let mut other = text.clone();
    other[at] ^= 1;
    if is_new_file {
        let backup = path.with_extension("backup");
        fs::write(&backup, other).unwrap();
        fs::rename(backup, path).unwrap();
    } else {
        fs::write(path, other).unwrap();
    }
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(fs::metadata(path).unwrap().len(), text.len() as u64);
    assert_eq!(fs::metadata(path).unwrap().modified().unwrap(), time);
}

#[test]
fn a_call_with_nothing_to_do_reads_no_module_and_writes_nothing() {
    let Some(world) = remembered() else { return };
    let text = fs::read_to_string(memory(&world)).unwrap();
    let time = fs::metadata(memory(&world)).unwrap().modified().unwrap();
    for path in [
        world.scratch.join("out/hello.ko"),
        "updates/hello.ko".into(),
    ] {
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    }
    assert_eq!(action(&world), InstallAction::Unchanged);
    let again = fs::metadata(memory(&world)).unwrap().modified().unwrap();
    assert_eq!(again, time);
    // The plan is made from the memory, and bytes that are copied are checked all the same.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let origin = world.scratch.join("out/hello.ko").display().to_string();
    let hash = value["built"][origin]["is"]["sha256"].as_str().unwrap();
    let wrong = text.replacen(hash, &"0".repeat(64), 1);
    fs::write(memory(&world), wrong).unwrap();
    assert!(said(world.install()).contains("changed while"));
    world.check();
}

#[test]
fn another_content_of_the_same_size_and_time_is_noticed() {
    for is_new_file in [false, true] {
        let Some(world) = remembered() else { return };
        change_secretly(&world.scratch.join("out/hello.ko"), is_new_file);
        assert_eq!(action(&world), InstallAction::Updated);
        world.check();
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(action(&world), InstallAction::Unchanged);
        change_secretly(&world.file("updates/hello.ko"), is_new_file);
        let error = said(world.install());
        assert!(error.contains("was changed since"), "{error}");
    }
}

#[test]
fn a_memory_that_is_lost_or_damaged_or_of_another_root_changes_no_result() {
    let Some(world) = remembered() else { return };
    let before = world.system();
    let copy = fs::read(memory(&world)).unwrap();
    for bytes in [
        None,
        Some(&b""[..]),
        Some(b"{}"),
        Some(&copy[..copy.len() / 2]),
    ] {
        match bytes {
            None => fs::remove_file(memory(&world)).unwrap(),
            Some(bytes) => fs::write(memory(&world), bytes).unwrap(),
        }
        assert_eq!(action(&world), InstallAction::Unchanged);
        assert_eq!(fs::read(memory(&world)).unwrap(), copy);
        assert_eq!(world.system(), before);
    }
    fs::remove_file(memory(&world)).unwrap();
    fs::create_dir(memory(&world)).unwrap();
    assert_eq!(action(&world), InstallAction::Unchanged);
    fs::remove_dir(memory(&world)).unwrap();
    // A copy of the root has other inodes.
    fs::write(memory(&world), &copy).unwrap();
    fs::rename(world.root(), world.scratch.join("first")).unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([world.scratch.join("first"), world.root()])
        .status();
    assert!(copied.unwrap().success());
    fs::write(world.file("updates/hello.ko"), "damaged").unwrap();
    let error = said(world.install());
    assert!(error.contains("was changed since"), "{error}");
}

#[test]
fn the_memory_of_another_user_is_not_believed() {
    let Some(world) = remembered() else { return };
    let path = memory(&world);
    if std::os::unix::fs::chown(&path, Some(4321), None).is_err() {
        println!("not run: only root gives files away");
        return;
    }
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(RELEASE, "6.6.6")).unwrap();
    assert_eq!(action(&world), InstallAction::Unchanged);
    assert_ne!(fs::metadata(&path).unwrap().uid(), 4321);
}

#[test]
fn a_change_within_a_tick_of_the_clock_is_noticed() {
    let Some(world) = World::new() else { return };
    for round in 0..20 {
        let install = |text: String| {
            world.build("hello", &text);
            let report = world.install_with(&|install| {
                install.depmod(false);
            });
            report.unwrap().changes[0].action
        };
        install(format!("{round:02}-one"));
        let action = install(format!("{round:02}-two"));
        assert_eq!(action, InstallAction::Updated, "{round}");
    }
}
