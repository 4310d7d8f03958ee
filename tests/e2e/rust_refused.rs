//! Crates that rustc would refuse without naming the cause: the kernel's own, and the module's.

use std::fs;
use std::os::unix::fs::symlink;

use crate::rust::kernels;
use crate::rust_checks::{HELLO_RS, assert_says, hello, own_version};
use crate::support::kernel_tree::link_kernel;
use crate::support::*;

#[test]
fn metadata_of_another_rustc_or_cut_short_is_refused_before_make_starts() {
    for kernel in kernels() {
        let scratch = tempfile::tempdir().unwrap();
        let source = folder(&[("hello.rs", HELLO_RS)]);
        let tree = link_kernel(&kernel, &scratch.path().join("tree"), &["rust"]);
        let out = scratch.path().join("out");
        let own = own_version(&kernel);
        let said_of = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
            let file = tree.kdir.join("rust").join(name);
            let link = fs::read_link(&file).unwrap();
            let mut bytes = fs::read(&file).unwrap();
            change(&mut bytes);
            fs::remove_file(&file).unwrap();
            fs::write(&file, bytes).unwrap();
            let said = refused(&mut hello(&tree, source.path(), &out), 1);
            fs::remove_file(&file).unwrap();
            symlink(link, &file).unwrap();
            assert_says(&said, &[&format!("rust/{name} in the kernel tree"), &own]);
            said
        };
        let other = own.replace(" 1.85", " 1.84");
        let said = said_of("libkernel.rmeta", &|bytes| {
            let at = bytes.windows(own.len()).position(|b| b == own.as_bytes());
            let at = at.unwrap();
            bytes[at..at + other.len()].copy_from_slice(other.as_bytes());
        });
        assert_says(&said, &[&format!("was written by {other}")]);
        for name in ["libbindings.rmeta", "libuapi.rmeta", "libmacros.so"] {
            let said = said_of(name, &|bytes| bytes.truncate(bytes.len() - 1));
            assert_says(&said, &["is truncated"]);
        }
        let said = said_of("libkernel.rmeta", &Vec::clear);
        assert_says(&said, &["is truncated", "modules_prepare"]);
        assert!(!out.exists());
        let mut whole = hello(&tree, source.path(), &out);
        whole.env("KBUILD_RS_RUSTC", kernel.rustc.as_ref().unwrap());
        built(whole.arg("--dry-run"));
    }
}

#[test]
fn a_root_that_is_called_as_one_of_the_kernels_crates_is_refused_by_name() {
    for kernel in kernels() {
        let names = ["kernel", "core", "macros", "bindings", "ffi", "uapi"];
        let files: Vec<String> = names.iter().map(|name| format!("{name}.rs")).collect();
        let texts: Vec<(&str, &str)> = files.iter().map(|f| (f.as_str(), HELLO_RS)).collect();
        let source = folder(&texts);
        write(
            source.path(),
            &[("main.rs", HELLO_RS), ("std.rs", HELLO_RS)],
        );
        let out = tempfile::tempdir().unwrap();
        let command = |file: &str| {
            let mut command = build(&kernel, out.path());
            command.args(["--name", "hello", file, "--dry-run"]);
            command.current_dir(source.path());
            command
        };
        for (name, file) in names.iter().zip(&files) {
            let said = refused(&mut command(file), 2);
            let own = format!("already has a crate {name} ({}", kernel.kdir.display());
            let moved = source.path().join(format!("{name}_module.rs"));
            assert_says(&said, &[&own, &format!(" {}", moved.display())]);
        }
        // A name that the kernel does not have is free.
        built(&mut command("std.rs"));

        write(
            source.path(),
            &[("Kbuild", "obj-m := all.o\nall-y := main.o core.o\n")],
        );
        let mut tree = build(&kernel, out.path());
        let said = refused(tree.arg(source.path()).arg("--dry-run"), 2);
        assert_says(&said, &["core.rs cannot be the root of a crate"]);
        write(
            source.path(),
            &[("Kbuild", "obj-$(CONFIG_RUST) := core.o\n")],
        );
        let mut tree = build(&kernel, out.path());
        let said = built(tree.arg(source.path()).arg("--dry-run")).err();
        assert_says(
            &said,
            &["warning: ", "core.rs cannot be the root of a crate"],
        );
    }
}
