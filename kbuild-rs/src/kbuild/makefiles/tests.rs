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
        ["x.o none/", "of_a.o", "of_vendor.o    second.o"]
    );
    assert_eq!(names(&makefiles, "obj-$(CONFIG_T)"), ["t.o ../"]);
    assert_eq!(names(&makefiles, "ccflags-y"), ["-Da"]);
    let paths: Vec<_> = makefiles
        .folders
        .iter()
        .flat_map(|f| &f.makefiles)
        .collect();
    assert!(paths.contains(&&root.join("sub/deep/Kbuild")), "{paths:?}");
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
    assert_eq!(of("c.o").unwrap(), "else of ifeq ($(A),b)");
}

#[test]
fn kbuilds_part_is_certain_whichever_part_stands_first() {
    let parts = |text: &str| {
        let (_root, makefiles) = read(&[("Kbuild", text)]);
        let parts = makefiles.assignments();
        let shown = parts.map(|a| format!("{} {}", a.value, a.condition.unwrap_or("certain")));
        shown.collect::<Vec<_>>()
    };
    for (kbuild, other) in [
        ("ifneq ($(KERNELRELEASE),)", "else"),
        ("ifdef KERNELRELEASE", "else"),
        ("ifneq  ( $(KERNELRELEASE) , )", "  else # by hand"),
    ] {
        let text = format!("{kbuild}\nobj-m := a.o\n{other}\nobj-m := b.o\nendif\nx-y := c.o");
        assert_eq!(parts(&text), ["a.o certain", "c.o certain"]);
    }
    for (other, kbuild) in [
        ("ifeq ($(KERNELRELEASE),)", "else"),
        ("ifndef KERNELRELEASE", "else"),
    ] {
        let text = format!("{other}\nobj-m := a.o\n{kbuild}\nobj-m := b.o\nendif");
        assert_eq!(parts(&text), ["b.o certain"]);
    }
    // kbuild never reads the last branch, because the condition before it always holds for kbuild.
    let nested = "ifdef KERNELRELEASE\nifdef X\nobj-m := a.o\nendif\nendif\n\
                  ifeq ($(X),)\nelse ifdef KERNELRELEASE\nobj-m += b.o\nelse\nobj-m += c.o\nendif";
    assert_eq!(parts(nested), ["a.o ifdef X", "b.o else of ifeq ($(X),)"]);
}

#[test]
fn an_included_file_stands_under_the_condition_of_its_include() {
    let (_root, makefiles) = read(&[
        (
            "Kbuild",
            "ifdef X\ninclude $(src)/a.mk\nendif\ninclude $(TOP)/b.mk\n",
        ),
        ("a.mk", "obj-m := a.o\n"),
        ("b.mk", "obj-m += b.o\n"),
    ]);
    let conditions: Vec<_> = makefiles.assignments().map(|a| a.condition).collect();
    assert_eq!(conditions, [Some("ifdef X"), None]);
    assert!(!makefiles.are_all());
}

#[test]
fn folders_that_kbuild_may_enter_are_told() {
    let (_root, makefiles) = read(&[(
        "Kbuild",
        "obj-m := a.o sub/ # no/\nINC := inc/\nobj-y += \\\n\tdeep/er/ $(PARTS-y)\n\
         ifeq ($(KERNELRELEASE),)\nobj-m += hand/\nendif\n\
         PARTS-$(CONFIG_X) += part/ b.o\nobj-m += $(PARTS-m)\n",
    )]);
    let folder = &makefiles.folders[0];
    assert_eq!(folder.below, ["sub/", "deep/er/", "part/"]);
    assert_eq!(folder.objects, ["a.o", "sub/", "deep/er/", "part/", "b.o"]);
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
