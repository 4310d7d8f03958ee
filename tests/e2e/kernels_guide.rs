//! The examples of the kernel's own guide for external modules (Documentation/kbuild/modules.rst),
//! and docs/kbuild-targets.md, which follows it item by item.

use std::fs;
use std::path::Path;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::scope;

use crate::scene::*;
use crate::support::project::root;
use crate::support::*;

/// The guide's layouts side by side: one Makefile for make and kbuild, a folder for headers, an
/// option; files in several folders; two modules below one Kbuild, one of which needs the other.
const TREE: &[(&str, &str)] = &[
    ("Kbuild", "obj-y := foo/ bar/\nobj-m := 8123/ complex/\n"),
    (
        "8123/Makefile",
        "ifneq ($(KERNELRELEASE),)\n\
         obj-m := 8123.o\n\
         8123-y := 8123_if.o\n\
         8123-$(CONFIG_8123_PCI) += 8123_pci.o\n\
         ccflags-y := -I $(src)/include\n\
         CFLAGS_8123_pci.o := -DBUS=2\n\
         else\n\
         KDIR ?= /lib/modules/`uname -r`/build\n\
         default:\n\
         \t$(MAKE) -C $(KDIR) M=$$PWD\n\
         genbin:\n\
         \tfalse\n\
         endif\n",
    ),
    (
        "8123/8123_if.c",
        "#include <linux/module.h>\n#include <8123_if.h>\n\
         static int __init begin(void) { return pci(); }\nmodule_init(begin);\n\
         MODULE_LICENSE(\"GPL\");\n",
    ),
    ("8123/include/8123_if.h", "int pci(void);\n"),
    (
        "8123/8123_pci.c",
        "#include <8123_if.h>\nint pci(void) { return BUS - 2; }\n",
    ),
    (
        "complex/Kbuild",
        "obj-m := complex.o\n\
         complex-y := src/complex_main.o\n\
         complex-y += src/hal/hardwareif.o\n\
         ccflags-y := -I$(src)/include\n\
         ccflags-y += -I$(src)/src/hal/include\n",
    ),
    (
        "complex/src/complex_main.c",
        "#include <linux/module.h>\n#include <complex.h>\n#include <hardwareif.h>\n\
         static int __init begin(void) { return hardware(COMPLEX); }\nmodule_init(begin);\n\
         MODULE_LICENSE(\"GPL\");\n",
    ),
    (
        "complex/src/hal/hardwareif.c",
        "#include <hardwareif.h>\nint hardware(int number) { return number; }\n",
    ),
    (
        "complex/src/hal/include/hardwareif.h",
        "int hardware(int number);\n",
    ),
    ("complex/include/complex.h", "#define COMPLEX 0\n"),
    ("foo/Kbuild", "obj-m := foo.o\n"),
    (
        "foo/foo.c",
        "#include <linux/module.h>\nint bar(void);\n\
         static int __init begin(void) { return bar(); }\nmodule_init(begin);\n\
         MODULE_LICENSE(\"GPL\");\n",
    ),
    ("bar/Kbuild", "obj-m := bar.o\n"),
    (
        "bar/bar.c",
        "#include <linux/module.h>\nint bar(void);\nint bar(void) { return 0; }\n\
         EXPORT_SYMBOL_GPL(bar);\nMODULE_LICENSE(\"GPL\");\n",
    ),
];

/// The newest kernel, whose make works in the module folder; in the full run, also the kernels
/// whose make works in the kernel tree.
fn kernels() -> Vec<LabKernel> {
    match lab::why_not("7.3") {
        Some(_) => scope::kernels(0).unwrap(),
        None => {
            let newest = lab::kernel("7.3").unwrap();
            let others = scope::is_full().then(|| lab::kernels().unwrap());
            others.into_iter().flatten().chain([newest]).collect()
        }
    }
}

#[test]
fn the_layouts_of_the_kernels_guide_build_as_with_plain_make() {
    for kernel in kernels() {
        let scene = Scene::with(&kernel, TREE, &[".", "--config", "8123_PCI=y"]);
        let said = scene.build().err();
        // Only make by hand uses the running kernel.
        let complaints = said.lines().filter(|line| line.starts_with("warning:"));
        assert_eq!(complaints.count(), 0, "{said}");
        let source = fs::canonicalize(scene.source.path()).unwrap();
        let plain = plain_modules(&kernel, &source, "", &source, &["CONFIG_8123_PCI=y"]);
        assert_eq!(plain.len(), 4);
        assert_same_modules(&modules(scene.out.path()), &plain, &kernel.release);
        scene.is_fresh(&kernel.release);
    }
}

/// The text of all Rust files below `dir`.
pub(crate) fn sources(dir: &Path) -> String {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| match path.is_dir() {
        true => sources(&path),
        false if path.extension().is_some_and(|e| e == "rs") => fs::read_to_string(path).unwrap(),
        false => String::new(),
    });
    texts.collect()
}

#[test]
fn every_row_about_the_kernels_guide_has_a_test_that_exists_or_a_sentence() {
    let page = fs::read_to_string(root().join("docs/kbuild-targets.md")).unwrap();
    let (_, table) = page.split_once("| modules.rst |").unwrap();
    let tests: String = ["kbuild-rs/src", "kbuild-cli", "tests"]
        .iter()
        .map(|dir| sources(&root().join(dir)))
        .collect();
    let mut named = 0;
    for row in table.lines().skip(2).take_while(|l| l.starts_with('|')) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [item, ours, proof] = cells[..] else {
            panic!("no three cells: {row}");
        };
        assert!(!item.is_empty() && !ours.is_empty(), "{row}");
        let words = proof.split('`').filter(|w| w.matches('_').count() > 2);
        let names: Vec<_> = words.collect();
        // A row without a test must give a reason.
        assert!(
            !names.is_empty() || (proof.is_empty() && ours.contains(". ")),
            "{row}"
        );
        for name in &names {
            assert!(tests.contains(&format!("fn {name}()")), "no test {name}");
        }
        named += names.len();
    }
    assert!(named > 20, "{named}");
}
