//! Effects of makes on their surroundings, and of the surroundings on the products.

use std::fs;

use kbuild_tests::processes::{self, Signal};
use kbuild_tests::run::Output;

use crate::scene::*;
use crate::support::*;

#[test]
fn a_server_that_the_build_started_holds_up_nobody() {
    let kernel = kernel_at(0);
    let place = folder(&[]);
    // The servers of ccache and sccache do the same: the process outlives make and closes no
    // descriptor.
    let kbuild = format!(
        "obj-m := hello.o\n\
         $(shell cd '{}' && setsid sleep 5000 >/dev/null 2>&1 </dev/null &)\n",
        place.path().display()
    );
    let scene = Scene::tree(&kernel, &[("hello.c", HELLO), ("Kbuild", &kbuild)]);
    scene.build();
    let again = scene.build();
    assert!(!started_make(&again), "{}", again.err());
    let servers = processes::around(place.path());
    servers
        .iter()
        .for_each(|server| server.signal(Signal::KILL));
    assert!(!servers.is_empty(), "no server outlived the builds");
}

#[test]
fn a_link_that_the_build_puts_in_a_folders_place_leads_nothing_out_of_the_stage() {
    let kernel = kernel_at(0);
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
fn a_product_that_only_another_kernel_had_is_removed() {
    let (old, new) = (kernel_at(0), kernel_at(1));
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
fn an_output_directory_that_holds_the_module_folder_is_refused() {
    let kernel = kernel_at(1);
    let source = folder(&[
        ("common/x.h", ""),
        ("d/hello.c", HELLO),
        ("d/Kbuild", "obj-m := hello.o\n"),
    ]);
    let dir = source.path().join("d");
    let said = refused(
        build(&kernel, &dir).arg(&dir).args(["--tree-root", ".."]),
        2,
    );
    assert!(said.contains("Choose another output directory"), "{said}");
}

#[test]
fn the_module_folder_itself_may_be_the_output_directory() {
    let kernel = kernel_at(1);
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    built(build(&kernel, source.path()).arg(source.path()));
    let again = built(build(&kernel, source.path()).arg(source.path()));
    assert!(!started_make(&again), "{}", again.err());
}

#[test]
fn a_module_that_somebody_signed_is_named_once_when_it_is_replaced() {
    let files = [("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")];
    let scene = Scene::tree(&kernel_at(1), &files);
    let module = scene.out.path().join("hello.ko");
    let said = |output: &Output| output.err().matches("hello.ko changed after").count();
    assert_eq!(said(&scene.build()), 0);
    let sign = || {
        let mut text = fs::read(&module).unwrap();
        text.extend(b"~Module signature appended~\n");
        fs::write(&module, text).unwrap();
    };
    sign();
    let output = scene.build();
    assert_eq!(said(&output), 1, "{}", output.err());
    assert!(compiled(&output).is_empty());
    assert!(!started_make(&scene.build()));
    // A missing module, or one with another time, was not changed by a user.
    fs::remove_file(&module).unwrap();
    assert_eq!(said(&scene.build()), 0);
    let file = fs::File::options().append(true).open(&module).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    drop(file);
    assert_eq!(said(&scene.build()), 0);
    // After an edit, users expect a new module.
    sign();
    scene.edit("hello.c", "hello from", "good day from");
    assert_eq!(said(&scene.build()), 0);
}
