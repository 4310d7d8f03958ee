//! `-q`: a successful build prints only warnings, and a failing build prints everything.

use std::fs;

use kbuild_tests::scope;

use crate::scene::kernel_at;
use crate::support::project::edit;
use crate::support::*;

#[test]
fn a_quiet_build_only_prints_warnings() {
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    let kernel = kernel_at(0);
    let out = tempfile::tempdir().unwrap();
    let mut command = build(&kernel, out.path());
    let output = built(command.arg(source.path()).arg("-q"));
    assert_eq!(output.err(), "");
    let path = out.path().join("hello.ko");
    assert_eq!(output.out(), format!("{}\n", path.display()));
    fs::write(
        source.path().join("hello.c"),
        format!("{HELLO}\n#warning look here\n"),
    )
    .unwrap();
    let mut command = build(&kernel, out.path());
    let text = built(command.arg(source.path()).arg("-q")).err();
    assert!(text.contains("look here"), "{text}");
    assert!(
        !text.contains("CC [M]") && !text.contains("built"),
        "{text}"
    );
    // The output is piped, so it has no colour and no moving line.
    let mut command = build(&kernel, out.path());
    command
        .arg(source.path())
        .args(["--ldflag", "-s"])
        .env("TERM", "xterm-256color");
    assert!(!refused(&mut command, 2).contains('\x1b'));
}

#[test]
fn quiet_shows_the_complaints_of_makefiles_and_after_a_failure_everything_once() {
    let dir = folder(&[
        ("tree/hello.c", HELLO),
        (
            "tree/Kbuild",
            "obj-m := hello.o\n$(info only info)\n$(warning probe warns)\n\
             include $(src)/vendor.inc\nX := $(shell cat /nosuch; echo complains >&2)\n",
        ),
        ("tree/vendor.inc", "$(warning vendor warns)\n"),
    ]);
    let tree = fs::canonicalize(dir.path()).unwrap().join("tree");
    for kernel in scope::kernels(1).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let quiet = || {
            let mut command = build(&kernel, out.path());
            command.arg(&tree).arg("-q");
            command
        };
        let text = built(&mut quiet()).err();
        for wanted in [
            &format!("{}/Kbuild:3: probe warns\n", tree.display()),
            &format!("{}/vendor.inc:1: vendor warns\n", tree.display()),
            "cat: /nosuch: No such file",
            "\ncomplains\n",
        ] {
            assert!(text.contains(wanted), "no {wanted} in\n{text}");
        }
        for unwanted in ["only info", "CC [M]", "built", "note:"] {
            assert!(!text.contains(unwanted), "{unwanted} in\n{text}");
        }
        fs::write(tree.join("hello.c"), "int x = nothing;\n").unwrap();
        let text = refused(&mut quiet(), 1);
        for wanted in ["CC [M]", "hello.c:1:9: error: ", "error: cannot build tree"] {
            assert_eq!(text.matches(wanted).count(), 1, "{wanted} in\n{text}");
        }
        assert!(text.contains("only info"), "{text}");
        let step = text.find("CC [M]").unwrap();
        assert!(text.find("probe warns").unwrap() < step, "{text}");
        assert!(step < text.find("error: ").unwrap(), "{text}");
        // This makefile stops with an error.
        edit(
            &tree.join("vendor.inc"),
            "warning vendor warns",
            "error no such chip",
        );
        let text = refused(&mut quiet(), 1);
        let wanted = format!("{}/vendor.inc:1: *** no such chip.  Stop.", tree.display());
        assert_eq!(text.matches(&wanted).count(), 1, "{text}");
        write(
            &tree,
            &[
                ("hello.c", HELLO),
                ("vendor.inc", "$(warning vendor warns)\n"),
            ],
        );
    }
}

#[test]
fn a_tree_that_is_named_by_a_dot_gets_the_name_of_its_folder() {
    let dir = folder(&[("ring/ring.c", HELLO), ("ring/Kbuild", "obj-m := ring.o\n")]);
    let mut command = build(&kernel_at(0), &dir.path().join("out"));
    command.arg("--kernel").arg(kernel_at(1).kdir);
    command
        .arg("--dry-run")
        .current_dir(dir.path().join("ring"));
    let text = built(&mut command).out();
    for number in [0, 1] {
        let heading = format!("# ring for {}\n", kernel_at(number).release);
        assert!(text.contains(&heading), "{text}");
    }
}
