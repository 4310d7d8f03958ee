//! Output directories that cannot take the outputs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use kbuild_tests::disk::SmallDisk;
use kbuild_tests::scope;

use crate::scene::kernel_at;
use crate::support::*;

fn hello() -> tempfile::TempDir {
    folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")])
}

#[test]
fn a_full_disk_is_reported_and_the_next_build_is_right() {
    let (source, kernel) = (hello(), kernel_at(0));
    let clean = tempfile::tempdir().unwrap();
    built(build(&kernel, clean.path()).arg(source.path()));
    let at = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(at.path(), "16k") else {
        return without_a_mount();
    };
    let out = at.path().join("out");
    // The disk gets full while staging, while compiling, and while publishing the module.
    for size in ["16k", "112k", "448k"] {
        disk.resize(size).unwrap();
        let text = refused(build(&kernel, &out).arg(source.path()), 1);
        assert!(text.contains("Free some space"), "{size}: {text}");
        assert!(!out.exists() || modules(&out).is_empty(), "{size}");
        if scope::is_full() {
            disk.resize("64m").unwrap();
            built(build(&kernel, &out).arg(source.path()));
            assert_same_modules(&modules(&out), &modules(clean.path()), size);
            fs::remove_dir_all(&out).unwrap();
        }
    }
    disk.resize("64m").unwrap();
    built(build(&kernel, &out).arg(source.path()));
    assert_same_modules(&modules(&out), &modules(clean.path()), "all of them");
}

/// A small limit on file sizes. Files are truncated as on a full disk.
fn without_a_mount() {
    let (source, kernel) = (hello(), kernel_at(0));
    let out = tempfile::tempdir().unwrap();
    let inner = build(&kernel, out.path());
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 40; exec \"$0\" \"$@\""]);
    limited
        .arg(program())
        .args(inner.get_args())
        .arg(source.path());
    refused(&mut limited, 1);
    assert!(modules(out.path()).is_empty());
    built(build(&kernel, out.path()).arg(source.path()));
}

#[test]
fn an_output_directory_that_is_a_file_or_below_one_is_refused() {
    let (source, kernel) = (hello(), kernel_at(0));
    let file = source.path().join("file");
    fs::write(&file, "mine\n").unwrap();
    for out in [file.clone(), file.join("sub")] {
        let text = refused(build(&kernel, &out).arg(source.path()), 1);
        assert!(text.contains("is a file"), "{text}");
        assert!(text.contains(&*file.to_string_lossy()), "{text}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine\n");
    }
}

#[test]
fn a_folder_in_a_products_place_is_refused() {
    let (source, kernel) = (hello(), kernel_at(0));
    let out = tempfile::tempdir().unwrap();
    fs::create_dir(out.path().join("hello.ko")).unwrap();
    let text = refused(build(&kernel, out.path()).arg(source.path()), 2);
    assert!(text.contains("hello.ko is a folder"), "{text}");
    fs::remove_dir(out.path().join("hello.ko")).unwrap();
    built(build(&kernel, out.path()).arg(source.path()));
}

#[test]
fn an_output_directory_that_may_not_be_written_is_refused() {
    let (source, kernel) = (hello(), kernel_at(0));
    let out = tempfile::tempdir().unwrap();
    let inner = build(&kernel, out.path());
    // root may write anywhere, so this right is taken away.
    let mut command = match is_root() {
        true => Command::new("setpriv"),
        false => Command::new("env"),
    };
    if is_root() {
        command.arg("--bounding-set=-dac_override,-dac_read_search");
    }
    command.arg(inner.get_program()).args(inner.get_args());
    command.arg(source.path());
    fs::set_permissions(out.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let text = refused(&mut command, 1);
    assert!(text.contains("another output directory"), "{text}");
    fs::set_permissions(out.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0\n")
}
