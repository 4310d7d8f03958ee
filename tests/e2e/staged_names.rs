//! The kind of a file decides whether it is staged, not its name.

use std::fs;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::{plain, run};

use crate::scene::{compiled, kernel_at};
use crate::support::*;

#[test]
fn a_file_of_any_name_that_the_tree_needs_is_staged() {
    let tree = folder(&[
        ("hello_main.c", HELLO),
        // A folder in which CMake ran, one with the name of a version control's folder, a Go
        // module.
        ("lib/lib.c", "int lib;\n"),
        ("lib/CMakeCache.txt", ""),
        ("lib/meson-private/note", ""),
        ("CVS/volts.c", "int volts;\n"),
        (".kbuild/deep.c", "int deep;\n"),
        ("go.mod", "module tune-one\n"),
        ("fw.ko", "firmware-one\n"),
        (".setup.cmd", "SETUP := -DSETUP=1\n"),
        (
            "data.S",
            ".section .rodata\n.globl data\ndata:\n.incbin \"go.mod\"\n.incbin \"fw.ko\"\n",
        ),
        (
            "Kbuild",
            "obj-m := hello.o\nhello-y := hello_main.o data.o lib/lib.o CVS/volts.o .kbuild/deep.o\n\
             asflags-y := -I$(src)\ninclude $(src)/.setup.cmd\nifndef SETUP\n$(error no setup)\nendif\n",
        ),
    ]);
    for kernel in [kernel_at(1), kernel_at(2)] {
        let out = tempfile::tempdir().unwrap();
        let mut command = build(&kernel, out.path());
        built(command.arg(tree.path()));
        let module = fs::read(out.path().join("hello.ko")).unwrap();
        let holds = |text: &str| module.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(holds("tune-one") && holds("firmware-one"));
        assert!(!started_make(&built(&mut command)), "nothing changed");
    }
}

/// Builds a module folder of a tree in place.
fn in_place(kernel: &LabKernel, folder: &std::path::Path) {
    let mut make = plain::make(kernel, folder, folder, folder);
    run::checked(make.arg("modules"), LIMIT).unwrap();
}

#[test]
fn the_symvers_of_a_provider_that_is_built_in_place_is_there_until_it_is_built_here() {
    let kernel = kernel_at(2);
    let provider = |version: u32| {
        format!(
            "{}int ring(int x{});\nint ring(int x{}) {{ return x; }}\nEXPORT_SYMBOL_GPL(ring);\n",
            HELLO.replace("hello", "prov"),
            ", int y".repeat(version as usize),
            ", int y".repeat(version as usize).replace("y", "z")
        )
    };
    let user = format!(
        "{}\nint ring(int x);\nint (*keep)(int) = ring;\n",
        HELLO.replace("hello", "user")
    );
    let tree = folder(&[
        ("prov/prov.c", &provider(0)),
        ("prov/Kbuild", "obj-m := prov.o\n"),
        ("user/user.c", &user),
        (
            "user/Kbuild",
            "obj-m := user.o\nKBUILD_EXTRA_SYMBOLS := $(src)/../prov/Module.symvers\n",
        ),
    ]);
    let root = fs::canonicalize(tree.path()).unwrap();
    in_place(&kernel, &root.join("prov"));
    let out = tempfile::tempdir().unwrap();
    let build_folder = |name: &str| {
        let mut command = build(&kernel, out.path());
        command.arg(root.join(name)).args(["--tree-root", ".."]);
        command
    };
    let output = built(&mut build_folder("user"));
    assert!(!output.err().contains("undefined"), "{}", output.err());
    assert!(!started_make(&built(&mut build_folder("user"))));
    // After the folder's own build, the symvers in the stage counts and not the older one in the
    // source.
    write(&root, &[("prov/prov.c", &provider(1))]);
    let output = built(&mut build_folder("prov"));
    assert_eq!(compiled(&output), ["prov.o"]);
    let crc = |path: &std::path::Path| {
        let text = fs::read_to_string(path).unwrap();
        text.split_whitespace().next().unwrap().to_owned()
    };
    let (new, old) = (
        crc(&out.path().join("prov.symvers")),
        crc(&root.join("prov/Module.symvers")),
    );
    assert_ne!(new, old);
    built(&mut build_folder("user"));
    let user = fs::read(out.path().join("user.ko")).unwrap();
    let number = u32::from_str_radix(new.trim_start_matches("0x"), 16).unwrap();
    assert!(user.windows(4).any(|w| w == number.to_le_bytes()));
    assert!(!started_make(&built(&mut build_folder("user"))));
}
