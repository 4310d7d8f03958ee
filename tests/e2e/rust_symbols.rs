//! A kernel's demands on the symbols and signatures of modules in Rust.

use std::fs;
use std::path::Path;

use kbuild_tests::lab::LabKernel;
use tempfile::TempDir;

use crate::rust_checks::{HELLO_RS, RUSTY, assert_says, hello, newest};
use crate::support::kernel_tree::link_kernel;
use crate::support::*;

/// The newest kernel with Rust, with additional lines in its configuration.
fn configured(scratch: &TempDir, more: &str) -> Option<LabKernel> {
    let at = scratch.path().join("tree");
    let own = ["include", "include/config", "scripts"];
    let kernel = newest()?;
    let tree = link_kernel(&kernel, &at, &own);
    let [from, to] = [&kernel, &tree].map(|kernel| kernel.kdir.to_str().unwrap());
    replace(&tree.kdir.join("Makefile"), |text| text.replace(from, to));
    replace(&tree.kdir.join("include/config/auto.conf"), |text| {
        format!("{text}{more}\n")
    });
    Some(tree)
}

/// Replaces a link by a file with another text.
fn replace(link: &Path, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(link).unwrap();
    fs::remove_file(link).unwrap();
    fs::write(link, change(text)).unwrap();
}

#[test]
fn only_crates_that_export_symbols_are_refused_if_nothing_gives_these_checksums() {
    let scratch = tempfile::tempdir().unwrap();
    let versions = "CONFIG_MODVERSIONS=y\nCONFIG_GENDWARFKSYMS=y";
    let Some(tree) = configured(&scratch, versions) else {
        return;
    };
    let source = folder(&[
        ("hello.rs", HELLO_RS),
        ("share.c", "EXPORT_SYMBOL_GPL(in_rust);\n"),
    ]);
    let out = scratch.path().join("out");
    let alone = || {
        let mut command = hello(&tree, source.path(), &out);
        command.env("KBUILD_RS_RUSTC", tree.rustc.as_ref().unwrap());
        command.arg("--dry-run");
        command
    };
    built(&mut alone());
    let said = refused(alone().arg("share.c"), 1);
    let tool = tree.kdir.join("scripts/gendwarfksyms/gendwarfksyms");
    assert_says(
        &said,
        &[
            &source.path().join("share.c").display().to_string(),
            "CONFIG_MODVERSIONS",
            &format!("is missing: {}", tool.display()),
            "make modules_prepare",
            "libdw-dev",
        ],
    );
    write(source.path(), &[("Kbuild", "obj-m := hello.o share.o\n")]);
    let mut of_tree = build(&tree, &out);
    let said = refused(of_tree.arg("--dry-run").arg(source.path()), 1);
    assert_says(&said, &["share.c exports symbols"]);
    fs::remove_dir_all(tree.kdir.join("scripts/gendwarfksyms")).ok();
    write(&tree.kdir, &[("scripts/gendwarfksyms/gendwarfksyms", "")]);
    built(alone().arg("share.c"));
}

#[test]
fn a_symvers_without_the_kernels_own_rust_is_told_from_a_symbol_that_nobody_exports() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(tree) = configured(&scratch, "") else {
        return;
    };
    replace(&tree.kdir.join("Module.symvers"), |text| {
        let of_c = text.lines().filter(|line| !line.contains("\t_R"));
        of_c.map(|line| format!("{line}\n")).collect()
    });
    let text = RUSTY.replace(
        "Ok(Rusty)",
        "extern \"C\" { fn nowhere(); }\n\
         // SAFETY: There is no such function.\n\
         unsafe { nowhere() };\n\
         pr_info!(\"-\\n\");\nOk(Rusty)",
    );
    let source = folder(&[("hello.rs", &text)]);
    let mut command = hello(&tree, source.path(), &scratch.path().join("out"));
    command.env("KBUILD_RS_RUSTC", tree.rustc.as_ref().unwrap());
    let said = refused(&mut command, 1);
    assert_says(
        &said,
        &[
            &format!("of the Rust code in the kernel {}, ", tree.release),
            "Module.symvers from the same build",
            &format!(
                "neither the kernel {} nor any module that this build knows exports nowhere",
                tree.release
            ),
        ],
    );
}

#[test]
fn a_kernel_that_only_loads_signed_modules_is_reported_before_anything_is_built() {
    let scratch = tempfile::tempdir().unwrap();
    let forced =
        "CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_FORCE=y\nCONFIG_MODULE_SIG_HASH=\"sha512\"";
    let Some(tree) = configured(&scratch, forced) else {
        return;
    };
    let source = folder(&[("hello.rs", HELLO_RS)]);
    let mut command = hello(&tree, source.path(), &scratch.path().join("out"));
    command.env("KBUILD_RS_RUSTC", tree.rustc.as_ref().unwrap());
    let said = built(command.arg("--dry-run")).err();
    assert_says(
        &said,
        &[
            "only loads signed modules (CONFIG_MODULE_SIG_FORCE)",
            "\n    kbuild-rs sign FILE.ko --key KEY --cert CERTIFICATE --kernel ",
        ],
    );
}
