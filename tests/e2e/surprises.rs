//! What makes can do to their surroundings, and surroundings to what was built.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

use crate::scene::*;
use crate::support::*;

#[test]
fn a_server_that_the_build_started_holds_up_nobody() {
    let kernel = newest_kernel();
    // As ccache's and sccache's servers do: it outlives make and closes no descriptor.
    let kbuild = "obj-m := hello.o\n\
                  $(shell setsid sleep 20 >/dev/null 2>&1 </dev/null &)\n";
    let scene = Scene::tree(&kernel, &[("hello.c", HELLO), ("Kbuild", kbuild)]);
    scene.build();
    let start = Instant::now();
    let again = scene.build();
    assert!(!started_make(&again), "{}", again.err());
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_compiler_that_now_comes_first_in_path_is_noticed() {
    let kernel = kernel_at(1);
    let mut scene = Scene::tree(
        &kernel,
        &[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")],
    );
    let bin = tempfile::tempdir().unwrap();
    let path = std::env::var("PATH").unwrap();
    let first = format!("{}:{path}", bin.path().display());
    scene.env.insert("PATH".into(), first);
    scene.build();
    let name = kernel.cc.clone().unwrap_or_else(|| "gcc-12".into());
    let wrapper = bin.path().join(&name);
    fs::write(
        &wrapper,
        format!("#!/bin/sh\nPATH=${{PATH#*:}}\nexec {name} \"$@\"\n"),
    )
    .unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(started_make(&scene.build()));
}

#[test]
fn a_link_that_the_build_puts_in_a_folders_place_leads_nothing_out_of_the_stage() {
    let kernel = newest_kernel();
    let outside = folder(&[("x.h", "#define X 1\n")]);
    let kbuild = format!(
        "obj-m := hello.o\nccflags-y := -I$(src)/inc\n\
         $(shell rm -rf $(src)/inc; ln -s {} $(src)/inc)\n",
        outside.path().display()
    );
    let source = format!("#include \"x.h\"\n{HELLO}");
    let files = [
        ("hello.c", &*source),
        ("inc/x.h", "#define X 1\n"),
        ("Kbuild", &*kbuild),
    ];
    let scene = Scene::tree(&kernel, &files);
    scene.build();
    scene.write("inc/x.h", "#define X 2\n");
    scene.build();
    let text = fs::read_to_string(outside.path().join("x.h")).unwrap();
    assert_eq!(text, "#define X 1\n", "the sync wrote through the link");
}

#[test]
fn a_header_that_appears_before_another_of_its_name_is_noticed() {
    let kernel = kernel_at(0);
    let source = format!("#include <x.h>\n{HELLO}MODULE_INFO(x, X);\n");
    let files = [
        ("hello.c", &*source),
        ("a/y.h", ""),
        ("b/x.h", "#define X \"from b\"\n"),
    ];
    let args = ["--name", "hello", "hello.c", "-I", "a", "-I", "b"];
    let scene = Scene::with(&kernel, &files, &args);
    scene.build();
    scene.write("a/x.h", "#define X \"from a\"\n");
    scene.build();
    let module = fs::read(scene.out.path().join("hello.ko")).unwrap();
    assert!(module.windows(8).any(|w| w == b"x=from a"));
}

#[test]
fn what_another_kernel_gave_and_this_one_does_not_leaves_the_output() {
    let (old, new) = (kernel_at(1), kernel_at(2));
    let kbuild = format!(
        "obj-m := a.o\nifeq ($(KERNELRELEASE),{})\nobj-m += b.o\nendif\n",
        old.release
    );
    let files = [("a.c", HELLO), ("b.c", HELLO), ("Kbuild", &*kbuild)];
    let mut scene = Scene::tree(&old, &files);
    scene.build();
    assert_eq!(modules(scene.out.path()).len(), 2);
    scene.kernel = new;
    scene.build();
    let names: Vec<_> = modules(scene.out.path()).into_keys().collect();
    assert_eq!(names, ["a.ko"]);
}

#[test]
fn a_relative_link_that_goes_above_the_tree_and_back_still_leads_there() {
    let kernel = kernel_at(2);
    let source = format!("#include \"i/x.h\"\n{HELLO}");
    let scene = Scene::tree(
        &kernel,
        &[
            ("hello.c", &*source),
            ("c/x.h", ""),
            ("Kbuild", "obj-m := hello.o\n"),
        ],
    );
    fs::create_dir(scene.path("i")).unwrap();
    let own = scene.source.path().file_name().unwrap().to_str().unwrap();
    symlink(format!("../../{own}/c/x.h"), scene.path("i/x.h")).unwrap();
    scene.build();
}

#[test]
fn an_output_directory_that_holds_the_module_folder_is_refused() {
    let kernel = kernel_at(1);
    let source = folder(&[
        ("common/x.h", ""),
        ("d/hello.c", HELLO),
        ("d/Kbuild", "obj-m := hello.o\n"),
    ]);
    let dir = source.path().join("d");
    let said = refused(build(&kernel, &dir).arg(&dir).args(["--root", ".."]), 2);
    assert!(said.contains("choose another output directory"), "{said}");
}

#[test]
fn the_module_folder_itself_may_be_the_output_directory() {
    let kernel = kernel_at(1);
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    built(build(&kernel, source.path()).arg(source.path()));
    let again = built(build(&kernel, source.path()).arg(source.path()));
    assert!(!started_make(&again), "{}", again.err());
}
