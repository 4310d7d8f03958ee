use super::*;
use crate::fixture::Root;

fn read(files: &[(&str, &str)]) -> (Root, Makefiles) {
    let root = Root::new();
    for (name, text) in files {
        root.write(name, text);
    }
    let makefiles = Makefiles::of(&root.join(""));
    (root, makefiles)
}

fn names<'a>(makefiles: &'a Makefiles, variable: &str) -> Vec<&'a str> {
    let assignments = makefiles.assignments();
    assignments
        .filter(|a| a.name == variable)
        .map(|a| a.value)
        .collect()
}

#[test]
fn folders_and_includes_are_followed_through_variables_and_loops_end() {
    let (root, makefiles) = read(&[
        (
            "Kbuild",
            "SUB := sub/\nobj-y += $(SUB)\nobj-m += x.o none/\ninclude $(src)/a.mk vendor.inc\n",
        ),
        ("Makefile", "obj-m := not_read.o\n"),
        ("a.mk", "obj-m += of_a.o\ninclude $(M)/Kbuild\n"),
        ("vendor.inc", "obj-m += of_vendor.o \\\n  second.o\n"),
        (
            "sub/Makefile",
            "obj-$(CONFIG_T) += t.o ../\nsubdir-y := deep/\n",
        ),
        (
            "sub/deep/Kbuild",
            "ccflags-y := -Da\n# obj-m := comment.o\n",
        ),
    ]);
    assert_eq!(
        names(&makefiles, "obj-m"),
        ["of_a.o", "of_vendor.o    second.o", "x.o none/"]
    );
    assert_eq!(names(&makefiles, "obj-$(CONFIG_T)"), ["t.o ../"]);
    assert_eq!(names(&makefiles, "ccflags-y"), ["-Da"]);
    let paths: Vec<_> = makefiles.iter().map(|m| m.path.clone()).collect();
    assert!(paths.contains(&root.join("sub/deep/Kbuild")), "{paths:?}");
    assert_eq!(paths.len(), 5, "{paths:?}");
}

#[test]
fn the_part_for_make_by_hand_is_left_out_and_recipes_are_told_from_assignments() {
    let (_root, makefiles) = read(&[(
        "Makefile",
        "ifneq ($(KERNELRELEASE),)\nobj-m := a.o\nifdef OLD\nobj-m += old.o\nendif\nelse\n\
         EXTRA_CFLAGS := -Dhand\nall:\n\tX := y make\nendif\n\
         $(obj)/gen.h:\n\tMADE := $(src)/gen.sh\n\
         define big\nobj-m += defined.o\nendef\n\
         ifndef KERNELRELEASE\nobj-m += hand.o\nelse ifeq ($(A),b)\nobj-m += b.o\nelse\nobj-m += c.o\nendif\n",
    )]);
    assert_eq!(names(&makefiles, "obj-m"), ["a.o", "old.o", "b.o", "c.o"]);
    assert!(names(&makefiles, "EXTRA_CFLAGS").is_empty());
    assert!(names(&makefiles, "MADE").is_empty());
    let of = |value: &str| {
        let mut found = makefiles.assignments().filter(|a| a.value == value);
        found.next().unwrap().condition.map(str::to_owned)
    };
    assert_eq!(of("a.o"), None);
    assert_eq!(of("old.o").unwrap(), "ifdef OLD");
    assert_eq!(of("b.o").unwrap(), "ifeq ($(A),b)");
}

#[test]
fn a_use_of_a_variable_is_told_from_a_longer_name_and_from_a_recipes() {
    let (_root, makefiles) = read(&[(
        "Kbuild",
        "ccflags-y += $(EXTRA_CFLAGS_2) ${OTHER:%.c=%.o}\nobj-m := a.o\nx:\n\techo $(MINE)\n",
    )]);
    for (name, used) in [
        ("EXTRA_CFLAGS", false),
        ("EXTRA_CFLAGS_2", true),
        ("OTHER", true),
        ("MINE", false),
    ] {
        assert_eq!(makefiles.use_variable(name), used, "{name}");
    }
}

#[test]
fn values_that_name_themselves_come_to_an_end() {
    let (_root, makefiles) = read(&[
        (
            "Kbuild",
            "A = $(B)$(B)$(B)\nB = $(A)$(A)$(A)\nobj-y += $(A) ok/\n",
        ),
        ("ok/Kbuild", "obj-m := ok.o\n"),
    ]);
    assert_eq!(names(&makefiles, "obj-m"), ["ok.o"]);
}
