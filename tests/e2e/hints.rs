//! Causes that the tools' own messages hide. Each test causes one, and checks the hint and its
//! remedy.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::{run, scope};

use crate::scene::*;
use crate::support::kernel_tree::link_kernel;
use crate::support::trap::holds;
use crate::support::*;

#[track_caller]
fn says(told: &str, wanted: &[&str]) {
    for text in wanted {
        assert!(told.contains(text), "no `{text}` in\n{told}");
    }
}

/// The kernel whose make works in the module folder and ignores some old variables.
fn with_new_kbuild() -> Result<LabKernel, String> {
    match lab::why_not("7.3") {
        None => Ok(lab::kernel("7.3").unwrap()),
        Some(why) => Err(why),
    }
}

#[test]
fn flags_in_variables_that_the_kernel_ignores_are_reported_if_nothing_reads_them() {
    let kernel = match with_new_kbuild() {
        Ok(kernel) => kernel,
        Err(why) => {
            println!("not run: {why}");
            return;
        }
    };
    let text = format!("{HELLO}\n#ifdef REACHED\nMODULE_INFO(flag, \"reached\");\n#endif\n");
    let scene = Scene::tree(
        &kernel,
        &[
            ("hello.c", &text),
            ("Kbuild", "obj-m := hello.o\nEXTRA_CFLAGS += -DREACHED\n"),
        ],
    );
    let reached = || {
        let module = &modules(scene.out.path())["hello.ko"];
        holds(module, b"\0flag=reached\0")
    };
    let said = scene.build().err();
    let kbuild = scene.source.path().canonicalize().unwrap().join("Kbuild");
    says(
        &said,
        &[
            &format!("warning: {} sets EXTRA_CFLAGS", kbuild.display()),
            "Put them into ccflags-y",
        ],
    );
    assert!(!reached());
    scene.write(
        "Kbuild",
        "obj-m := hello.o\nEXTRA_CFLAGS += -DREACHED\nccflags-y += $(EXTRA_CFLAGS)\n",
    );
    let said = scene.build().err();
    assert!(!said.contains("warning: "), "{said}");
    assert!(reached());
    // A kernel that reads the variable causes no hint.
    let old = Scene::tree(
        &newest_kernel(),
        &[
            ("hello.c", &text),
            ("Kbuild", "obj-m := hello.o\nEXTRA_CFLAGS += -DREACHED\n"),
        ],
    );
    let said = old.build().err();
    assert!(!said.contains("EXTRA_CFLAGS"), "{said}");
    let out = tempfile::tempdir().unwrap();
    let mut command = scene.command_to(out.path());
    scene.write("Kbuild", "obj-m := hello.o\n");
    let said = built(command.args(["--make-var", "EXTRA_CFLAGS=-DREACHED"])).err();
    says(&said, &["EXTRA_CFLAGS is set for this build", "--cflag"]);
}

#[test]
fn an_object_without_its_cmd_file_is_named_with_the_line_that_helps() {
    let rule = "obj-m := m.o\nm-y := m_main.o blob.o\n\
                $(obj)/blob.o: $(src)/blob.bin $(obj)/m_main.o\n\tcp $(obj)/m_main.o $@\n\tobjcopy --strip-all $@\n";
    for kernel in scope::kernels(1).unwrap() {
        let scene = Scene::tree(
            &kernel,
            &[("m_main.c", HELLO), ("blob.bin", ""), ("Kbuild", rule)],
        );
        let output = run::run(&mut scene.command(), LIMIT).unwrap();
        let said = output.err();
        // The oldest and the newest kernel do not read it.
        if output.status.success() {
            assert!(!kernel.release.starts_with("6."), "{said}");
            continue;
        }
        let object = scene.source.path().canonicalize().unwrap().join("blob.o");
        says(
            &said,
            &[
                "/.blob.o.cmd: No such file or directory",
                &format!("{} has none", object.display()),
                "touch $(@D)/.blob.o.cmd",
            ],
        );
        scene.write("Kbuild", &format!("{rule}\ttouch $(@D)/.blob.o.cmd\n"));
        scene.build();
    }
}

#[test]
fn a_search_path_from_makes_working_folder_is_explained_and_may_be_set() {
    let files = [
        ("hello.c", &*format!("#include \"of_hello.h\"\n{HELLO}")),
        ("include/of_hello.h", ""),
        (
            "Makefile",
            "export TopDIR ?= $(shell pwd)\nobj-m := hello.o\nccflags-y += -I$(TopDIR)/include\n",
        ),
    ];
    let mut scene = Scene::tree(&newest_kernel(), &files);
    let said = refused(&mut scene.command(), 1);
    says(
        &said,
        &[
            "TopDIR is make's working directory",
            "--make-var 'TopDIR={staged_dir}'",
        ],
    );
    scene
        .args
        .extend(["--make-var", "TopDIR={staged_dir}"].map(str::to_owned));
    scene.build();
    match with_new_kbuild() {
        Ok(kernel) => drop(Scene::tree(&kernel, &files).build()),
        Err(why) => println!("not run: {why}"),
    }
    // Only make by hand sets it, so it is empty in kbuild's part.
    scene.write(
        "Makefile",
        "ifneq ($(KERNELRELEASE),)\nobj-m := hello.o\nccflags-y += -I$(TOP)/include\nelse\n\
         TOP := $(shell pwd)\nexport TOP\nall:\n\tmake -C $(KDIR) M=$(TOP)\nendif\n",
    );
    let said = refused(&mut scene.command(), 1);
    says(
        &said,
        &[
            "the makefile only sets TOP in the part for a direct call of make",
            "--make-var 'TOP={staged_dir}'",
        ],
    );
    scene
        .args
        .extend(["--make-var", "TOP={staged_dir}"].map(str::to_owned));
    scene.build();
}

#[test]
fn a_header_of_programs_is_told_by_the_kernels() {
    let kernel = newest_kernel();
    for (header, instead) in [
        ("stdarg.h", "linux/stdarg.h"),
        ("stddef.h", "linux/stddef.h"),
        ("stdint.h", "linux/types.h"),
        ("stdbool.h", "linux/types.h"),
        ("limits.h", "linux/limits.h"),
    ] {
        let scene = Scene::tree(
            &kernel,
            &[
                ("hello.c", &format!("#include <{header}>\n{HELLO}")),
                ("Kbuild", "obj-m := hello.o\n"),
            ],
        );
        let said = refused(&mut scene.command(), 1);
        says(
            &said,
            &[
                &format!("{header} is a header of the C library"),
                &format!("<{instead}>"),
            ],
        );
        let places = ["include", "include/uapi"].map(|dir| kernel.common.join(dir).join(instead));
        assert!(places.iter().any(|path| path.is_file()), "{instead}");
    }
}

#[test]
fn a_symbol_for_modules_of_certain_names_is_told_from_one_that_can_be_imported() {
    let kernel = match with_new_kbuild() {
        Ok(kernel) => kernel,
        Err(why) => {
            println!("not run: {why}");
            return;
        }
    };
    let user = "#include <linux/module.h>\nint ring(int x);\nint (*keep)(int) = ring;\n\
                MODULE_LICENSE(\"GPL\");\nMODULE_DESCRIPTION(\"x\");\n";
    let scene = Scene::with(
        &kernel,
        &[
            (
                "prov/prov.c",
                "#include <linux/module.h>\nint ring(int x);\nint ring(int x) { return x; }\n\
                 EXPORT_SYMBOL_FOR_MODULES(ring, \"other,third\");\nMODULE_LICENSE(\"GPL\");\n\
                 MODULE_DESCRIPTION(\"x\");\n",
            ),
            ("prov/Kbuild", "obj-m := prov.o\n"),
            ("user/other.c", user),
            ("user/user.c", user),
            ("user/Kbuild", "obj-m := other.o\n"),
        ],
        &["prov", "user", "--symvers", "prov"],
    );
    scene.build();
    scene.write("user/Kbuild", "obj-m := user.o\n");
    let said = refused(&mut scene.command(), 1);
    says(
        &said,
        &[
            "to these modules only: other,third.",
            "MODULE_IMPORT_NS does not help",
        ],
    );
    assert!(!said.contains("Import the namespace"), "{said}");
}

#[test]
fn a_kernel_tree_whose_programs_were_built_for_another_machine_is_refused_before_make_starts() {
    let kernel = newest_kernel();
    let scratch = tempfile::tempdir().unwrap();
    let tree = link_kernel(
        &kernel,
        &scratch.path().join("k"),
        &["scripts", "scripts/basic"],
    );
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    let out = scratch.path().join("out");
    let command = || {
        let mut command = build(&tree, &out);
        command.arg(source.path());
        command
    };
    built(&mut command());
    let fixdep = tree.kdir.join("scripts/basic/fixdep");
    let mut bytes = fs::read(&fixdep).unwrap();
    // The number of S/390.
    bytes[18..20].copy_from_slice(&[22, 0]);
    fs::remove_file(&fixdep).unwrap();
    fs::write(&fixdep, bytes).unwrap();
    fs::set_permissions(&fixdep, fs::Permissions::from_mode(0o755)).unwrap();
    let said = refused(&mut command(), 1);
    says(
        &said,
        &[
            "cannot build modules here",
            "scripts/basic/fixdep does not run: Exec format error",
            "built for s390x",
            "modules_prepare",
        ],
    );
    assert!(!said.contains("make failed"), "{said}");
}

#[test]
fn a_kernel_tree_whose_programs_need_a_newer_c_library_is_refused_before_make_starts() {
    if let Some(why) = lab::why_not("7.2") {
        println!("not run: {why}");
        return;
    }
    let kernel = lab::kernel("7.2").unwrap();
    let modpost = kernel.kdir.join("scripts/mod/modpost.real-lsb-64");
    let says_itself = match Command::new(&modpost).output() {
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(_) => String::new(),
    };
    if !says_itself.contains("GLIBC_") {
        println!("this machine's C library is new enough");
        return;
    }
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    let out = tempfile::tempdir().unwrap();
    // This runs on this machine, and not where the kernel's tools run.
    let mut command = Command::new(program());
    command
        .arg("build")
        .arg(source.path())
        .args(["--cc", "gcc", "-o"])
        .arg(out.path());
    let said = refused(command.arg("--kernel").arg(&kernel.kdir), 1);
    says(
        &said,
        &[
            "cannot build modules here",
            "version `GLIBC_2.38' not found",
            "needs the C library 2.38",
        ],
    );
    assert!(!said.contains("make failed"), "{said}");
    assert!(!Path::new(&out.path().join("hello.ko")).exists());
    // The build works where the tools run.
    built(build(&kernel, &out.path().join("there")).arg(source.path()));
}
