//! C declarations for Rust by bindgen.

use kbuild_tests::lab::LabKernel;
use kbuild_tests::scope;

use crate::rust::{MAIN, kernels, takes_authors};
use crate::scene::*;
use crate::support::*;

const SHARED_HEADER: &str = "shared folder/shared.h";

/// A module in Rust and C. Its Rust reads the declarations of the C.
fn with_bindings(kernel: &LabKernel) -> Scene {
    let header = "#include <linux/ioctl.h>\n#include <linux/math.h>\n#include <shared.h>\n\
                  #if GIVEN > 1 && defined(MODULE) && defined(CONFIG_MODULES)\n\
                  struct pair { u32 one, two[SHARED]; };\nint sum(const struct pair *);\n#endif\n\
                  #define GET _IOR('x', 1, struct pair)\n";
    let main = MAIN
        .replace("mod inner;\nmod deep;", "mod c { include!(env!(\"MY_HELPER_BINDINGS\")); }")
        .replace("helper_number()", "c::sum(&c::pair { one: 1, two: [2, 3] })")
        .replace("extern \"C\" {\n    fn c::sum(&c::pair { one: 1, two: [2, 3] }) -> core::ffi::c_int;\n}", "")
        .replace("inner::word()", "c::GET")
        .replace("deep::sum()", "{ unsafe { c::int_sqrt(49) } }")
        .replace("include_str!(\"texts/bye.txt\")", "\"bye\\n\"");
    let mut scene = Scene::with(
        kernel,
        &[
            ("src/mixed_main.rs", &main),
            ("src/my-helper.h", header),
            (SHARED_HEADER, "#define SHARED 2\n"),
            (
                "src/sum.c",
                "#include \"my-helper.h\"\nint sum(const struct pair *p) { return p->one + p->two[1]; }\n",
            ),
        ],
        &[
            "--name",
            "mixed",
            "src/mixed_main.rs",
            "src/sum.c",
            "-DGIVEN=2",
            "-I",
            "shared folder",
        ],
    );
    let more = [
        "--bindings",
        "src/my-helper.h",
        "--bindings-item",
        "int_sqrt",
    ];
    scene.args.extend(more.map(String::from));
    if takes_authors(kernel) {
        scene
            .args
            .extend(["--cfg".into(), "several_authors".into()]);
    }
    scene
}

#[test]
fn a_header_is_declared_for_rust_with_the_flags_of_the_modules_c_and_followed() {
    for kernel in scope::one_of(1, &kernels()).to_vec() {
        let scene = with_bindings(&kernel);
        let missing = refused(scene.command().env("KBUILD_RS_BINDGEN", "no-bindgen"), 1);
        assert!(missing.contains("cargo install bindgen-cli"), "{missing}");
        write(scene.source.path(), &[("src/my_helper.h", "")]);
        let mut twice = scene.command();
        let said = refused(twice.args(["--bindings", "src/my_helper.h"]), 2);
        let wanted =
            "src/my_helper.h and another header would both have their declarations in MY_H";
        assert!(said.contains(wanted), "{said}");
        let command = || {
            let mut command = scene.command();
            set_bindgen(&mut command, &kernel);
            command
        };
        assert_eq!(compiled(&built(&mut command())), ["mixed_main.o", "sum.o"]);
        assert!(!started_make(&built(&mut command())));
        // An array of another length does not accept the value in main.
        scene.edit(SHARED_HEADER, "2", "3");
        let said = refused(&mut command(), 1);
        assert!(
            said.contains("expected an array with a size of 3"),
            "{said}"
        );
        scene.edit(SHARED_HEADER, "#define SHARED 3", "#error no");
        let said = refused(&mut command(), 1);
        let place = format!("{SHARED_HEADER}:1:2: error: no");
        assert!(said.contains(&place), "no {place} in {said}");
        assert!(!said.contains("fixdep"), "{said}");
        scene.edit(SHARED_HEADER, "#error no", "#define SHARED 2");
        assert_eq!(compiled(&built(&mut command())), ["mixed_main.o", "sum.o"]);

        let guest = kernel.guest().unwrap();
        let guest = guest
            .file("/mixed.ko", scene.out.path().join("mixed.ko"))
            .script("insmod /mixed.ko && rmmod mixed\n");
        let console = guest.run().unwrap();
        assert!(
            console.log.contains("mixed: 2148300801 7 4 "),
            "{console:?}"
        );
    }
}

#[test]
fn declarations_that_nothing_reads_or_leads_to_are_refused() {
    let Some(kernel) = kernels().into_iter().next() else {
        return;
    };
    let files = [("mixed_main.rs", MAIN), ("one.c", ""), ("one.h", "")];
    for (args, wanted) in [
        (
            ["one.c", "--bindings", "one.h"],
            "bindings names a header, but the module has no Rust source: add a .rs file",
        ),
        (
            ["mixed_main.rs", "--bindings-item", "int_sqrt"],
            "the item int_sqrt (bindings_item) needs a header: name one",
        ),
    ] {
        let args = [&["--name", "mixed"], &args[..]].concat();
        let said = refused(&mut Scene::with(&kernel, &files, &args).command(), 2);
        assert!(said.contains(wanted), "{said}");
    }
}
