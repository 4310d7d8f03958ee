//! Kernels that clang built and kernels that gcc built: the caller need not tell them apart.

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::scope;
use tempfile::TempDir;

use crate::support::*;

fn hello() -> TempDir {
    folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")])
}

/// The make line of a build. Nothing in the call mentions LLVM.
fn plan(kernel: &LabKernel) -> String {
    let (source, out) = (hello(), tempfile::tempdir().unwrap());
    let mut command = build(kernel, out.path());
    command.env_remove("LLVM").arg("--dry-run");
    built(command.arg(source.path())).out()
}

#[test]
fn a_kernel_that_gcc_built_gets_no_variable_of_llvms() {
    let mut kernels = lab::kernels().unwrap();
    match lab::why_not("7.3") {
        None => kernels.push(lab::kernel("7.3").unwrap()),
        Some(why) => println!("not run: 7.3: {why}"),
    }
    for kernel in kernels {
        let plan = plan(&kernel);
        assert!(plan.contains(" CC="), "{plan}");
        for word in ["LLVM", "clang", "lld", " LD=", " HOSTCC="] {
            assert!(!plan.contains(word), "{word} in {plan}");
        }
    }
}

#[test]
fn a_kernel_that_clang_built_gets_llvms_tools_without_being_asked() {
    if let Some(why) = lab::why_not("7.3-clang") {
        return println!("not run: {why}");
    }
    if !scope::is_full() {
        return println!("in the full run only");
    }
    let kernel = lab::kernel("7.3-clang").unwrap();
    let plan = plan(&kernel);
    for pair in ["LLVM=-19", "CC=clang-19", "LD=ld.lld-19"] {
        assert!(plan.contains(pair), "no {pair} in {plan}");
    }
    let (source, out) = (hello(), tempfile::tempdir().unwrap());
    let mut command = build(&kernel, out.path());
    command.env_remove("LLVM").arg(source.path());
    built(&mut command);
    let plain = plain_modules(&kernel, source.path(), "", source.path(), &[]);
    assert_same_modules(&modules(out.path()), &plain, &kernel.release);
    assert!(!started_make(&built(&mut command)));
    // Only clang can build this target.
    built(command.args(["--target", "hello.ll"]));
    assert!(out.path().join("hello.ll").exists());
}
