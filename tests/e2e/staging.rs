//! Trees that are hard to copy: deep, sparse or unreadable ones; and output directories to which
//! nothing must be written.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild_tests::disk::SmallDisk;
use kbuild_tests::run;

use crate::scene::{Scene, kernel_at};
use crate::support::*;
use crate::world::is_root;

/// A copy that is not sparse takes longer, and fills many disks.
const SOON: Duration = Duration::from_secs(120);

fn hello() -> Scene {
    let files = [("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")];
    Scene::tree(&kernel_at(0), &files)
}

/// The same call, behind `front`.
fn behind(front: &mut Command, inner: &Command) -> Command {
    let mut command = std::mem::replace(front, Command::new("true"));
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(dir) = inner.get_current_dir() {
        command.current_dir(dir);
    }
    command
}

/// The same call by a user who must obey file modes, even if the tests run as root.
fn without_rights(inner: &Command) -> Command {
    let mut front = Command::new(if is_root() { "setpriv" } else { "env" });
    if is_root() {
        front.arg("--bounding-set=-dac_override,-dac_read_search");
    }
    behind(&mut front, inner)
}

#[test]
fn a_deep_tree_is_built_and_cleaned_with_few_open_files() {
    const LEVELS: usize = 500;
    let scene = hello();
    let deep: PathBuf = std::iter::repeat_n("d", LEVELS).collect();
    scene.write(deep.join("leaf.h").to_str().unwrap(), "#define LEAF 1\n");
    let limited = |inner: &Command| {
        let mut sh = Command::new("sh");
        sh.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]);
        behind(&mut sh, inner)
    };
    built(&mut limited(&scene.command()));
    assert!(scene.stage().join(&deep).join("leaf.h").is_file());
    let again = built(&mut limited(&scene.command()));
    assert!(!started_make(&again), "{}", again.err());
    scene.write(deep.join("leaf.h").to_str().unwrap(), "#define LEAF 2\n");
    built(&mut limited(&scene.command()));
    let mut clean = Command::new(program());
    clean.arg("clean").arg("--out-dir").arg(scene.out.path());
    built(&mut limited(&clean));
    assert!(modules(scene.out.path()).is_empty());
    assert!(!scene.out.path().join(".kbuild").exists());
}

#[test]
fn a_sparse_file_is_staged_sparse() {
    const SIZE: u64 = 8 << 30;
    let scene = hello();
    let image = scene.path("disk.img");
    File::create(&image).unwrap().set_len(SIZE).unwrap();
    if fs::metadata(&image).unwrap().blocks() > 1 << 10 {
        // This file system has no sparse files.
        return;
    }
    let output = run::run(&mut scene.command(), SOON).unwrap();
    assert!(output.status.success(), "{}", output.err());
    let staged = fs::metadata(scene.stage().join("disk.img")).unwrap();
    assert_eq!(staged.len(), SIZE);
    assert!(staged.blocks() < 1 << 10, "{} blocks", staged.blocks());
    let again = run::run(&mut scene.command(), SOON).unwrap();
    assert!(!started_make(&again), "{}", again.err());
}

#[test]
fn an_unreadable_file_stops_a_build_that_needs_it_only() {
    let scene = hello();
    scene.write("notes.txt", "mine\n");
    scene.write("needed.h", "#define NEEDED 1\n");
    let lock = |name: &str, mode| {
        fs::set_permissions(scene.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    lock("notes.txt", 0);
    built(&mut without_rights(&scene.command()));
    scene.edit("hello.c", "#include", "#include \"needed.h\"\n#include");
    lock("needed.h", 0);
    let said = refused(&mut without_rights(&scene.command()), 1);
    assert!(
        said.contains(&*scene.path("needed.h").to_string_lossy()),
        "{said}"
    );
    // The source cannot be read, so the message must not be about the output directory.
    assert!(!said.contains("another output directory"), "{said}");
    lock("needed.h", 0o644);
    built(&mut without_rights(&scene.command()));
    scene.is_as_clean("what can be read again is built");

    let kernel = &scene.kernel;
    lock("hello.c", 0);
    let out = tempfile::tempdir().unwrap();
    let mut declared = build(kernel, out.path());
    declared.args(["--name", "hello", "hello.c"]);
    declared.current_dir(scene.source.path());
    let output = run::run(&mut without_rights(&declared), LIMIT).unwrap();
    let said = output.err();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("hello.c"), "{said}");
    assert!(!said.contains("another output directory"), "{said}");
}

/// A file system that is read-only while this lives.
struct ReadOnly<'a>(&'a Path);

impl ReadOnly<'_> {
    fn remount(&self, how: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(self.0);
        run::checked(&mut mount, LIMIT).unwrap();
    }
}

impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        self.remount("rw");
    }
}

#[test]
fn an_output_directory_that_is_read_only_is_up_to_date_where_nothing_changed() {
    let scene = hello();
    let at = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(at.path(), "64m");
    let out = at.path().join("out");
    let up_to_date = |command: &mut Command| {
        let output = built(command);
        assert!(!started_make(&output), "{}", output.err());
        assert!(output.err().contains("up to date"), "{}", output.err());
    };
    built(&mut scene.command_to(&out));
    let said = if disk.is_some() {
        let read_only = ReadOnly(at.path());
        read_only.remount("ro");
        up_to_date(&mut scene.command_to(&out));
        scene.edit("hello.c", "return 0", "return 0 + 0");
        refused(&mut scene.command_to(&out), 1)
    } else {
        set_modes(&out, 0o444, 0o555);
        up_to_date(&mut without_rights(&scene.command_to(&out)));
        scene.edit("hello.c", "return 0", "return 0 + 0");
        let said = refused(&mut without_rights(&scene.command_to(&out)), 1);
        set_modes(&out, 0o644, 0o755);
        said
    };
    assert!(said.contains(&*out.to_string_lossy()), "{said}");
    assert!(said.contains("another output directory"), "{said}");
    built(&mut scene.command_to(&out));
}

fn set_modes(path: &Path, file: u32, dir: u32) {
    let meta = fs::symlink_metadata(path).unwrap();
    let set = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if !meta.is_dir() {
        return set(file);
    }
    set(0o755);
    for entry in fs::read_dir(path).unwrap() {
        set_modes(&entry.unwrap().path(), file, dir);
    }
    set(dir);
}
