//! Placeholders in make variables, in the environment and in prepare commands: each kernel of a
//! call gets its own paths.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use kbuild::Build;
use kbuild_tests::lab::{self, LabKernel};

use crate::scene::*;
use crate::support::trap::holds;
use crate::support::*;

const SOURCE: &str = "#include <linux/module.h>\n#include <made.h>\nMODULE_INFO(said, SAID);\n\
                      MODULE_LICENSE(\"GPL\");\n";

/// Shows the values that reach a makefile, and finds the header only in the stage.
const KBUILD: &str = "obj-m := a.o\nccflags-y := -I$(TOP)/inc\n\
    $(info RELEASE[$(REL)] TREE[$(if $(wildcard $(TREE)/Module.symvers),found)])\n\
    $(info SOURCE[$(if $(wildcard $(SOURCE)/scripts/Kbuild.include),found)] OTHER[$(OTHER)])\n\
    $(info HERE[$(HERE)] ENV[$(shell printenv IN_ENV)] PWD[$(PWD)])\n";

/// The shell's variable and other braces stay as they are.
const PREPARE: &str = "release=own; { printf '#define SAID \"%s %s %s\"\\n' \
                       {release} \"${release}\" '{other}'; } > \"{staged_root}\"/inc/made.h";

/// Two kernels whose makes work in different directories, if the lab has both.
fn kernels() -> [LabKernel; 2] {
    let moved = match lab::why_not("7.3") {
        None => lab::kernel("7.3").unwrap(),
        Some(_) => kernel_at(1),
    };
    [kernel_at(0), moved]
}

#[test]
fn each_kernel_of_a_call_gets_its_own_paths_and_release() {
    let source = folder(&[("drv/a.c", SOURCE), ("drv/Kbuild", KBUILD), ("inc/x.h", "")]);
    let kernels = kernels();
    let mut command = Command::new(program());
    command.args(["build", "drv", "--tree-root", "..", "-o", "out"]);
    command.args(["--cc", "gcc-12", "--prepare", PREPARE]);
    for (flag, value) in [
        ("--make-var", "REL=v{release}"),
        ("--make-var", "TREE={kernel_dir}"),
        ("--make-var", "SOURCE={kernel_source}"),
        ("--make-var", "OTHER={kernel} ${release}"),
        ("--make-var", "TOP={staged_root}"),
        ("--make-var", "HERE={staged_dir}"),
        ("--make-var", "PWD={staged_root}"),
        ("--env", "IN_ENV={staged_dir}/x"),
    ] {
        command.args([flag, value]);
    }
    for kernel in &kernels {
        command.arg("--kernel").arg(&kernel.kdir);
    }
    let said = built(command.current_dir(source.path())).err();
    let real = fs::canonicalize(source.path()).unwrap();
    let real = real.display();
    for kernel in &kernels {
        let release = &kernel.release;
        for line in [
            format!("RELEASE[v{release}] TREE[found]"),
            "SOURCE[found] OTHER[{kernel} ${release}]".to_owned(),
            // Messages name the sources.
            format!("HERE[{real}/drv] ENV[{real}/drv/x] PWD[{real}]"),
        ] {
            assert!(said.lines().any(|said| said == line), "no {line}\n{said}");
        }
        let module = &modules(&source.path().join("out").join(release))["a.ko"];
        let wanted = format!("said={release} own {{other}}\0");
        assert!(holds(module, wanted.as_bytes()), "no {wanted}");
    }
    assert!(!source.path().join("inc/made.h").exists());
}

#[test]
fn a_value_that_make_would_expand_gets_a_message_that_names_the_placeholder() {
    let scene = Scene::tree(
        &kernel_at(0),
        &[("a.c", HELLO), ("Kbuild", "obj-m := a.o\n")],
    );
    let with = |args: &[&str]| {
        let mut command = scene.command();
        command.arg("--dry-run").args(args);
        command
    };
    for (args, told) in [
        (
            ["--make-var", "KCFLAGS=-I$(src)/../inc"],
            "write {staged_dir} instead of $(src)",
        ),
        (
            ["--env", "TOP=$(srctree)/x"],
            "write {kernel_source} instead of $(srctree)",
        ),
        (["--make-var", "PWD=/tmp"], "{staged_dir}, {staged_root}"),
        (
            ["--env", "PWD={staged_dir}/.."],
            "{staged_dir}, {staged_root}",
        ),
        (
            ["--make-var", "PWD={release}"],
            "{staged_dir}, {staged_root}",
        ),
        // The message shows the user's text, not the stage.
        (
            ["--make-var", "KCFLAGS=-I{staged_dir};x"],
            "\"-I{staged_dir};x\"",
        ),
        (["--make-var", "M={staged_dir}"], "cannot be set"),
        (
            [
                "--make-var",
                "KBUILD_EXTRA_SYMBOLS={staged_root}/no.symvers",
            ],
            "/no.symvers does not exist",
        ),
    ] {
        let text = refused(&mut with(&args), 2);
        assert!(text.contains(told), "{args:?}: {text}");
        assert!(!text.contains(".kbuild"), "{args:?}: {text}");
    }
    // A tree may use its own variables in any way.
    let output = built(&mut with(&["--make-var", "TOP=$(src)/.."]));
    let warning = "warning: make does not expand the value of TOP, which is $(src)/..";
    assert!(output.err().contains(warning), "{}", output.err());
    let output = built(&mut with(&["--prepare", "cp x $(srctree)/.."]));
    let warning = "cp x $(srctree)/..`, and does not know make's variables: write {kernel_source} instead of $(srctree)";
    assert!(output.err().contains(warning), "{}", output.err());
    let output = built(&mut with(&["--make-var", "TOP={staged_dir}/$(HERE)"]));
    assert!(!output.err().contains("warning"), "{}", output.err());
}

#[test]
fn a_prepare_command_that_fails_is_told_as_it_was_written() {
    let scene = Scene::tree(&kernel_at(0), &[("Kbuild", "obj-m := a.o\n")]);
    let mut command = scene.command();
    command.args(["--prepare", "test {staged_dir} = {kernel_dir}"]);
    let text = refused(&mut command, 1);
    assert!(text.contains("test {staged_dir} = {kernel_dir}"), "{text}");
    assert!(!text.contains(".kbuild"), "{text}");
}

#[test]
fn a_build_script_has_the_same_placeholders() {
    let kernel = kernel_at(0);
    let scene = Scene::tree(&kernel, &[("Kbuild", "obj-m := a.o\n")]);
    let mut build = Build::tree(scene.source.path());
    build.kernel(&kernel.kdir).cc(&kernel.compiler());
    build.cargo_metadata(false).out_dir(scene.out.path());
    build
        .make_var("REL", "{release}")
        .env("HERE", "{staged_dir}");
    let plan = build.plan(None).unwrap();
    let release = OsString::from(format!("REL={}", kernel.release));
    assert!(plan.args().contains(&release), "{plan}");
    let here = plan.env().iter().find(|(name, _)| name == "HERE").unwrap();
    assert_eq!(here.1, plan.stage());
}

/// A build of milliseconds, for messages that come before make starts.
const NO_MAKE: &str =
    "#!/bin/sh\n[ \"$1\" = --version ] && exit\ncp /bin/sh a.ko && echo a.ko > modules.order\n";

#[test]
fn a_warning_names_each_line_that_kbuild_reads_and_the_running_kernel_decides() {
    const BY_HAND: &str = "D := /lib/modules\nKDIR := $(D)/$$(uname -r)/build\n\
                           ccflags-y += -DFOR=$(shell uname -r)\nall:\n\tmake -C $(KDIR) M=$$PWD\n";
    const DECIDES: &str = "KSRC ?= /lib/modules/$(shell uname -r)/build\nobj-m := a.o\n\
                           ifneq ($(wildcard $(KSRC)/include),)\nccflags-y += -DFOUND\nendif\n";
    let (_dir, path) = program_in_front("make", NO_MAKE);
    let warnings = |files: &[(&str, &str)], args: &[&str]| {
        let mut scene = Scene::tree(&kernel_at(1), files);
        scene.env.insert("PATH".into(), path.clone());
        scene.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        let said = scene.build().err();
        let told = said.lines().skip_while(|line| !line.contains("uname -r"));
        told.take(2).collect::<Vec<_>>().join("\n")
    };
    // kbuild reads the Kbuild, which does not depend on the release, and no makefile of a folder
    // that it does not enter.
    let beside = [("Kbuild", "obj-m := a.o\n"), ("Makefile", BY_HAND)];
    assert_eq!(warnings(&beside, &[]), "");
    let unused = [("Kbuild", "obj-m := a.o\n"), ("tools/Makefile", BY_HAND)];
    assert_eq!(warnings(&unused, &[]), "");
    let told = warnings(
        &[
            ("Kbuild", "obj-m := a.o\ninclude $(src)/Makefile\n"),
            beside[1],
        ],
        &[],
    );
    assert!(
        told.contains("/Makefile:3: the tree uses `uname -r` here"),
        "{told}"
    );
    let below = [("Kbuild", "obj-m := a.o sub/\n"), ("sub/Makefile", DECIDES)];
    let told = warnings(&below, &[]);
    assert!(
        told.contains("/sub/Makefile:4: the tree uses `uname -r` here"),
        "{told}"
    );
    let advice = "--make-var 'KSRC={kernel_dir}'";
    assert!(told.contains(advice), "{told}");
    assert_eq!(warnings(&below, &["--make-var", "KSRC={kernel_dir}"]), "");
    assert_eq!(warnings(&below, &["--env", "KSRC={kernel_dir}"]), "");
}
