//! Trees that build no module: the error gives the reason, a switch that is off or a folder with
//! modules.

use crate::scene::{kernel_at, newest_kernel};
use crate::support::*;

/// The error about a tree. Its only source is `a.c`, in any folder.
fn told(files: &[(&str, &str)], args: &[&str]) -> String {
    let dir = folder(files);
    let out = tempfile::tempdir().unwrap();
    let mut command = build(&newest_kernel(), out.path());
    command.args(args).current_dir(dir.path());
    let text = refused(command.arg("."), 1);
    let (_, error) = text
        .split_once("kbuild found nothing in obj-m")
        .unwrap_or_else(|| panic!("{text}"));
    error.replace(dir.path().canonicalize().unwrap().to_str().unwrap(), "TREE")
}

#[track_caller]
fn says(told: &str, wanted: &[&str], unwanted: &[&str]) {
    for text in wanted {
        assert!(told.contains(text), "no `{text}` in {told}");
    }
    for text in unwanted {
        assert!(!told.contains(text), "`{text}` in {told}");
    }
}

#[test]
fn the_error_names_the_line_of_a_switch_that_is_off_and_turning_it_on_builds() {
    let below = [
        ("Kbuild", "FOLDERS := sub/\nobj-y += $(FOLDERS)\n"),
        ("sub/Kbuild", "obj-$(CONFIG_LAB_THING) += a.o\n"),
        ("sub/a.c", HELLO),
    ];
    let text = told(&below, &[]);
    says(
        &text,
        &[
            "TREE/sub/Kbuild builds a.o ",
            "CONFIG_LAB_THING is m, but it is not set",
            "--config LAB_THING=m",
        ],
        &[],
    );
    let own = [
        (
            "Kbuild",
            "obj-${MY_DRV} += a.o\nobj-$(CONFIG_64BIT) += b.o\nccflags-y += -DDEPTH=$(CONFIG_LAB_DEPTH)\n",
        ),
        ("b.c", "int b;\n"),
        (
            "a.c",
            &*format!("{HELLO}_Static_assert(DEPTH + CONFIG_LAB_DEPTH == 8, \"depth\");\n"),
        ),
    ];
    let text = told(&own, &["--make-var", "MY_DRV=n"]);
    says(
        &text,
        &[
            "MY_DRV is m, but it is \"n\"",
            "--make-var MY_DRV=m",
            "make_variables: 'MY_DRV=m'",
            "CONFIG_64BIT is m, but it is \"y\"",
        ],
        &["--config MY_DRV"],
    );
    let entered = [
        ("Kbuild", "obj-$(WITH_SUB) += sub/\n"),
        ("sub/Kbuild", "obj-m := a.o\n"),
        ("sub/a.c", HELLO),
    ];
    says(
        &told(&entered, &[]),
        &["enters sub/ only if WITH_SUB is m or y, but it is not set"],
        &[],
    );
    let under = [
        ("Kbuild", "ifdef WITH_DRV\nobj-m := a.o\nendif\n"),
        ("a.c", HELLO),
    ];
    says(
        &told(&under, &[]),
        &["TREE/Kbuild names a.o under the condition `ifdef WITH_DRV`"],
        &[],
    );

    for (files, args) in [
        (&below[..], "--config LAB_THING=m"),
        // The message about `--config LAB_DEPTH=4` gives this value.
        (
            &own[..],
            "--make-var MY_DRV=m --make-var CONFIG_LAB_DEPTH=4 -D CONFIG_LAB_DEPTH=4",
        ),
    ] {
        let (dir, out) = (folder(files), tempfile::tempdir().unwrap());
        let mut command = build(&kernel_at(0), out.path());
        built(command.arg(dir.path()).args(args.split(' ')));
        assert_eq!(modules(out.path()).len(), 1);
    }
}

#[test]
fn the_folder_below_that_names_modules_is_named_and_no_other() {
    let own = (
        "src/Makefile",
        "ifneq ($(KERNELRELEASE),)\nobj-m := a.o\nelse\nall:\n\tmake -C $(KDIR) M=$(PWD)\nendif\n",
    );
    let tools = ("tools/Makefile", "all:\n\tcc -o tool tool.c\n");
    let other = ("test/Makefile", "obj-m := test.o\n");
    for lead in [
        "all:\n\t$(MAKE) -C src\n",
        "all:\n\tcd src && $(MAKE)\n",
        "ifeq ($(KERNELRELEASE),)\nall:\n\t$(MAKE) -C /lib/modules/x/build \\\n\t\tM=$(shell pwd)/src modules\nendif\n",
    ] {
        let text = told(&[("Makefile", lead), own, tools, other], &[]);
        says(
            &text,
            &[
                "The folder src in it names modules. Build that folder:\n    kbuild-rs build TREE/src\n",
            ],
            &["tools", "test"],
        );
    }
    // Nothing calls these makefiles.
    let text = told(&[("Makefile", "all:\n"), own, tools, other], &[]);
    says(
        &text,
        &["These folders in it name modules: src, test. Build each, for example:\n"],
        &["tools"],
    );
    let text = told(&[("Makefile", "all:\n\t$(MAKE) -C tools\n"), tools], &[]);
    says(
        &text,
        &["The Kbuild in TREE must name a module:\n    obj-m := foo.o"],
        &["tools"],
    );

    let dir = folder(&[own, tools]);
    let out = tempfile::tempdir().unwrap();
    let text = refused(build(&kernel_at(0), out.path()).arg(dir.path()), 2);
    says(
        &text,
        &[
            "Kbuild and Makefile are missing",
            "The folder src in it names modules",
        ],
        &[],
    );
}

#[test]
fn a_dkms_conf_tells_how_its_author_builds() {
    let text = told(
        &[
            ("Makefile", "obj-$(LAB_DRV) += a.o\n"),
            ("a.c", HELLO),
            (
                "dkms.conf",
                "MAKE[0]=\"make -C $kernel_source_dir M=$PWD LAB_DRV=m\"\nPRE_BUILD=\"configure.sh\"\n",
            ),
        ],
        &[],
    );
    says(
        &text,
        &[
            "--make-var LAB_DRV=m",
            "TREE/dkms.conf builds the module with this command:\n    make -C $kernel_source_dir M=$PWD \
             LAB_DRV=m\n",
            "--prepare 'sh configure.sh'",
        ],
        &[],
    );
    let text = told(&[("Makefile", "obj-y := a.o\n"), ("a.c", HELLO)], &[]);
    says(&text, &["put objects into obj-y"], &["dkms"]);
}
