//! Links, fifos and other obstacles at the paths of written files.

use super::*;
use crate::fixture;
use std::os::unix::fs::symlink;

/// (a folder that holds the other two, one to write in, one outside of that)
fn scratch() -> (fixture::Root, PathBuf, PathBuf, Writer) {
    let root = fixture::Root::new();
    let outside = root.create_dir("out");
    root.write("out/victim", "precious");
    let inside = root.create_dir("in");
    let writer = Writer::new([Root::open(&inside).unwrap()]);
    (root, inside, outside, writer)
}

fn untouched(outside: &Path) {
    assert_eq!(fs::read(outside.join("victim")).unwrap(), b"precious");
    assert_eq!(fs::read_dir(outside).unwrap().count(), 1);
}

#[test]
fn a_link_in_a_files_place_or_its_parts_is_replaced_and_not_followed() {
    let (_root, inside, outside, writer) = scratch();
    for name in ["a", ".a.part", "b"] {
        symlink(outside.join("victim"), inside.join(name)).unwrap();
    }
    fs::hard_link(outside.join("victim"), inside.join(".c.part")).unwrap();
    fs::hard_link(outside.join("victim"), inside.join("d")).unwrap();
    for name in ["a", "c", "d"] {
        writer.write_whole(&inside.join(name), b"new").unwrap();
        assert_eq!(fs::read(inside.join(name)).unwrap(), b"new");
    }
    writer.symlink(Path::new("x"), &inside.join("b")).unwrap();
    writer.create(&inside.join("b"), 0o600).unwrap();
    assert!(!inside.join("b").is_symlink());
    untouched(&outside);
}

#[test]
fn nothing_is_reached_over_a_linked_folder_or_above_the_root() {
    let (_root, inside, outside, writer) = scratch();
    symlink("../out", inside.join("dir")).unwrap();
    let kinds = [
        writer
            .write_whole(&inside.join("dir/new"), b"x")
            .unwrap_err(),
        writer.create_dirs(&inside.join("dir/new")).unwrap_err(),
        writer.remove_file(&inside.join("dir/victim")).unwrap_err(),
        writer.remove_file(&outside.join("victim")).unwrap_err(),
        writer
            .write_whole(&inside.join("../out/victim"), b"x")
            .unwrap_err(),
        writer.remove_tree(&inside.join("../out")).unwrap_err(),
        writer.open_lock(&inside.join("dir/victim")).unwrap_err(),
        writer.read(&inside.join("dir/victim")).unwrap_err(),
    ];
    for error in kinds {
        assert_eq!(error.kind(), crate::ErrorKind::NotOurs, "{error}");
    }
    fs::create_dir(inside.join("deep")).unwrap();
    symlink("../../out", inside.join("deep/dir")).unwrap();
    writer.remove_tree(&inside.join("deep")).unwrap();
    writer.remove_tree(&inside.join("dir")).unwrap();
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 0);
    untouched(&outside);
}

#[test]
fn a_file_is_named_with_or_without_a_folder() {
    let (_root, inside, outside, _) = scratch();
    let file = inside.join("a.json");
    parent_writer(&file)
        .unwrap()
        .write_whole(&file, b"x")
        .unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"x");
    // All tests share the working directory, so nothing is written there.
    let bare = Path::new("no-such-file-of-a-test");
    assert!(parent_writer(bare).unwrap().read(bare).unwrap().is_none());
    untouched(&outside);
}

#[test]
fn a_path_that_is_not_a_regular_file_is_neither_read_nor_locked() {
    let (_root, inside, outside, writer) = scratch();
    writer.make_fifo(&inside.join("fifo")).unwrap();
    fs::hard_link(outside.join("victim"), inside.join("twice")).unwrap();
    for name in ["fifo", "twice"] {
        assert!(writer.open_lock(&inside.join(name)).is_err(), "{name}");
    }
    assert!(writer.read(&inside.join("fifo")).is_err());
    assert!(writer.read(&inside.join("none")).unwrap().is_none());
    untouched(&outside);
}

#[test]
fn a_copy_keeps_holes_and_is_nobody_elses_until_it_is_there() {
    let (root, inside, outside, writer) = scratch();
    let from = root.join("from");
    let mut file = File::create(&from).unwrap();
    file.write_all(b"start").unwrap();
    file.set_len(1 << 33).unwrap();
    fs::set_permissions(&from, fs::Permissions::from_mode(0o600)).unwrap();
    let how = CopyOptions {
        add_mode: 0o200,
        mtime: None,
    };
    let to = inside.join("to");
    writer.copy(&File::open(&from).unwrap(), &to, how).unwrap();
    let meta = fs::metadata(&to).unwrap();
    assert_eq!((meta.len(), meta.mode() & 0o777), (1 << 33, 0o600));
    assert!(meta.blocks() < 4096, "{}", meta.blocks());
    let mut start = [0; 6];
    File::open(&to).unwrap().read_exact(&mut start).unwrap();
    assert_eq!(&start, b"start\0");
    untouched(&outside);
}

#[cfg(feature = "install")]
#[test]
fn a_file_that_is_replaced_loses_the_parts_of_ended_processes_only() {
    let (_root, inside, _, writer) = scratch();
    let path = inside.join("a.ko");
    writer.write_whole(&path, b"old").unwrap();
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let left = inside.join(format!(".a.ko.{}.part", ended.id()));
    let kept =
        [".a.ko.1.part", ".a.ko.x.part", ".b.ko.4000000000.part"].map(|name| inside.join(name));
    for path in kept.iter().chain([&left]) {
        fs::write(path, "half").unwrap();
    }
    let like = fs::metadata(&path).unwrap();
    writer.replace(&path, b"new", &like).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert!(!left.exists());
    assert!(kept.iter().all(|path| path.exists()));
}
