//! Unusable kernel trees: each failure says why, and what to do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::run;

use crate::errors::{hello, refused_early};
use crate::scene::{kernel_at, newest_kernel};
use crate::support::kernel_tree::link_kernel;
use crate::support::*;

/// Runs `kbuild-rs build` on a good module for the kernel that `kernel` names.
fn build_for(kernel: &Path, code: i32, wanted: &[&str]) {
    let source = hello();
    let out = source.path().join("out");
    let mut command = Command::new(program());
    command.arg("build").arg(source.path());
    command.arg("--kernel").arg(kernel).arg("-o").arg(&out);
    refused_early(&mut command, &out, code, wanted);
}

#[test]
fn a_kernel_that_is_none_is_said_to_be_none() {
    build_for(
        Path::new("/no/such"),
        1,
        &["/no/such does not exist", "kbuild-rs kernels"],
    );
    build_for(
        Path::new("/lib/modules/1.2.3-nowhere/build"),
        1,
        &["does not exist", "Install the headers", "1.2.3-nowhere"],
    );
    build_for(
        Path::new("1.2.3-nowhere"),
        1,
        &[
            "no kernel tree for release 1.2.3-nowhere",
            "/usr/src/linux-headers-1.2.3-nowhere",
        ],
    );
    build_for(Path::new(""), 2, &["name is empty"]);
    let dir = folder(&[("file", ""), ("empty/x", "")]);
    build_for(&dir.path().join("file"), 1, &["is a file"]);
    build_for(
        &dir.path().join("empty"),
        1,
        &["is not a kernel tree: Makefile is missing"],
    );
    fs::write(dir.path().join("empty/Makefile"), "all:\n").unwrap();
    build_for(
        &dir.path().join("empty"),
        1,
        &["Makefile is not a kernel's"],
    );
}

#[test]
fn a_tree_that_is_not_prepared_is_told_what_would_prepare_it() {
    for kernel in lab::kernels().unwrap() {
        let scratch = tempfile::tempdir().unwrap();
        let source = LabKernel {
            kdir: kernel.common.clone(),
            ..kernel.clone()
        };
        let bare = link_kernel(&source, &scratch.path().join("bare"), &[]);
        build_for(
            &bare.kdir,
            1,
            &["without a configuration", "defconfig", "modules_prepare"],
        );
        symlink(kernel.kdir.join(".config"), bare.kdir.join(".config")).unwrap();
        build_for(
            &bare.kdir,
            1,
            &[
                "configured but not prepared",
                "auto.conf",
                "modules_prepare",
            ],
        );
        build_for(
            &kernel.common,
            1,
            &[
                "shared part of the kernel headers",
                kernel.kdir.to_str().unwrap(),
            ],
        );
        let half = link_kernel(
            &kernel,
            &scratch.path().join("half"),
            &["scripts", "include"],
        );
        let missing = half.kdir.join("include/generated");
        fs::remove_file(&missing).unwrap();
        build_for(&half.kdir, 1, &["autoconf.h is missing", "modules_prepare"]);
    }
}

#[test]
fn a_kernel_without_modules_is_refused() {
    let kernel = kernel_at(0);
    let scratch = tempfile::tempdir().unwrap();
    let tree = link_kernel(
        &kernel,
        &scratch.path().join("k"),
        &["include", "include/config"],
    );
    let conf = tree.kdir.join("include/config/auto.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::remove_file(&conf).unwrap();
    fs::write(&conf, text.replace("CONFIG_MODULES=y\n", "")).unwrap();
    build_for(&tree.kdir, 1, &["without CONFIG_MODULES", "another kernel"]);
}

#[test]
fn a_kernel_without_symvers_is_refused_unless_that_is_allowed() {
    let kernel = newest_kernel();
    let scratch = tempfile::tempdir().unwrap();
    let tree = link_kernel(&kernel, &scratch.path().join("k"), &[]);
    fs::remove_file(tree.kdir.join("Module.symvers")).unwrap();
    build_for(
        &tree.kdir,
        1,
        &["no Module.symvers", "--missing-symvers warn"],
    );
    let (source, out) = (hello(), tempfile::tempdir().unwrap());
    let mut command = build(&tree, out.path());
    command.arg(source.path());
    let output = built(command.args(["--missing-symvers", "warn"]));
    assert!(output.err().contains("warning: "), "{}", output.err());
    assert!(modules(out.path()).contains_key("hello.ko"));

    fs::write(tree.kdir.join("Module.symvers"), "garbage\n").unwrap();
    let text = refused(build(&tree, out.path()).arg(source.path()), 1);
    assert!(text.contains("parse error in symbol dump file"), "{text}");
    assert!(text.contains("Module.symvers is damaged"), "{text}");
}

#[test]
fn the_error_without_any_kernel_says_how_to_get_one() {
    let running = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let source = hello();
    let out = source.path().join("out");
    let mut command = Command::new(program());
    command.arg("build").arg(source.path()).arg("-o").arg(&out);
    command.env("KDIR", "/no/such");
    refused_early(
        &mut command,
        &out,
        1,
        &["the variable KDIR", "/no/such does not exist"],
    );
    // An empty KDIR counts as none.
    command.env("KDIR", "");
    let output = run::run(&mut command, LIMIT).unwrap();
    let text = output.err();
    let mut installed = Command::new(program());
    installed.args(["kernels", "--default"]).env("KDIR", "");
    // If headers are installed, the newest ones are used, and a note says so. Their compiler may be
    // missing.
    match run::run(&mut installed, LIMIT).unwrap().status.success() {
        true => assert!(text.contains("for"), "{text}"),
        false => {
            assert!(text.contains(running.trim()), "{text}");
            assert!(text.contains("--kernel DIR"), "{text}");
        }
    }
}

#[test]
fn another_architecture_than_the_kernels_is_refused_by_both_names() {
    let (source, kernel) = (hello(), kernel_at(0));
    let out = source.path().join("out");
    let command = || {
        let mut command = build(&kernel, &out);
        command.arg(source.path());
        command
    };
    let both = ["arm64", "64-bit x86", "--kernel"];
    for arch in ["arm64", "aarch64"] {
        refused_early(command().args(["--arch", arch]), &out, 1, &both);
    }
    refused_early(command().env("ARCH", "arm64"), &out, 1, &both);
    refused_early(command().args(["--make-var", "ARCH=arm64"]), &out, 1, &both);
    let mut cross = Command::new(program());
    cross.arg("build").arg(source.path()).arg("-o").arg(&out);
    cross.arg("--kernel").arg(&kernel.kdir);
    cross.args(["--cross-compile", "nosuch-linux-gnu-"]);
    let wanted = [
        "CROSS_COMPILE=nosuch-linux-gnu-",
        "nosuch-linux-gnu-gcc",
        "Install",
    ];
    refused_early(&mut cross, &out, 1, &wanted);
    let wanted = ["no program nosuchcc in PATH"];
    let mut unknown = build(
        &LabKernel {
            cc: None,
            ..kernel.clone()
        },
        &out,
    );
    unknown.arg(source.path()).args(["--cc", "nosuchcc"]);
    refused_early(&mut unknown, &out, 1, &wanted);
    // The kernel of a build without --kernel, and a named one.
    let kernels = |args: &[&str], arch: &str| {
        let mut command = Command::new(program());
        command.arg("kernels").args(args).env("ARCH", arch);
        command.env("KDIR", &kernel.kdir);
        run::run(&mut command, LIMIT).unwrap()
    };
    let kdir = kernel.kdir.to_str().unwrap();
    for args in [
        &["--default"][..],
        &[kdir],
        &["--default", "--arch", "arm64"],
    ] {
        let arch = if args.len() > 2 { "x86" } else { "aarch64" };
        let output = kernels(args, arch);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", output.out());
        assert!(output.out().contains("is 64-bit x86"), "{}", output.out());
        assert!(kernels(&args[..1], "amd64").status.success(), "{args:?}");
    }
    // The kernel's own architecture, in any spelling, is accepted. A named kernel that is not the
    // running one causes no note.
    let output = built(command().env("ARCH", "amd64").args(["--arch", "x86_64"]));
    assert!(!output.err().contains("running kernel"), "{}", output.err());
}
