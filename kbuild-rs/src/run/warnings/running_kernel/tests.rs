//! Makefiles as people write them.

use super::*;
use crate::fixture::Root;

/// The uses found in a Kbuild. A makefile beside it sets `FROM_FILE`.
fn found(makefile: &str) -> Vec<(String, u32, Setting)> {
    let root = Root::new();
    root.write("Kbuild", makefile);
    root.write(
        "x.mk",
        "FROM_FILE := $(shell uname -r)\ninclude $(src)/x.mk\n",
    );
    let is_given = |name: &str, how: char| name == "GIVEN" || (name == "OUTER" && how == '?');
    let uses = uname_uses(&Makefiles::of(root.path()), &is_given);
    let shown = |one: UnameUse| {
        let makefile = one.makefile.strip_prefix(root.path()).unwrap();
        (makefile.display().to_string(), one.line, one.variable)
    };
    uses.into_iter().map(shown).collect()
}

#[test]
fn the_tree_of_the_running_kernel_is_for_make_by_hand() {
    for makefile in [
        "KDIR ?= /lib/modules/$(shell uname -r)/build\nobj-m := a.o\n",
        "KVER ?= $(shell uname -r)\nKDIR ?= /lib/modules/$(KVER)/build\nobj-m := a.o\n",
        "KERNELRELEASE\t?= `uname -r`\nKERNEL_DIR\t?= /lib/modules/${KERNELRELEASE}/build\n",
        "KERNELRELEASE ?= `uname -r`\nccflags-y += -DK=$(KERNELRELEASE)\n",
        "KVER ?= $(shell uname -r)\ninstall:\n\tmv a.ko a-$(KVER).ko\n",
        "# uname -r\nall:\n\tmake -C /lib/modules/$(shell uname -r)/build\n",
        "ifneq ($(KERNELRELEASE),)\nobj-m := a.o\nelse\nCFLAGS_x += $(shell uname -r)\nendif\n",
        "ifdef KERNELRELEASE\nelse ifeq (a,b)\nobj-m += $(shell uname -r).o\nelse\n\
         obj-m += $(shell uname -r).o\nendif\n",
        "ifeq (,${KERNELRELEASE})\nobj-m := $(shell uname -r).o\nendif\n",
        "ifndef KERNELRELEASE\nifeq (a,b)\nobj-m := $(shell uname -r).o\nendif\nendif\n",
        "K := $(shell uname -r)\nK := 6\nccflags-y += -DK=$(K)\n",
        "K := $(shell uname -r)\nifeq ($(K),x)\n$(info rather old)\nD := y\nendif\nobj-m := a.o\n",
        "OUTER ?= $(shell uname -r)\nccflags-y += -DK=$(OUTER)\n",
        "GIVEN := $(shell uname -r)\nccflags-y += -DK=$(GIVEN)\n",
    ] {
        assert_eq!(found(makefile), [], "{makefile}");
    }
}

#[test]
fn the_line_that_it_decides_is_named() {
    for (makefile, line) in [
        ("EXTRA_CFLAGS += -DKVER=$(shell uname -r)\n", 1),
        ("ccflags-y += \\\n -DKVER=\"$(shell uname -r)\"\n", 1),
        (
            "ifeq ($(shell uname -r | cut -d. -f1),5)\nobj-m := old.o\nendif\n",
            2,
        ),
        (
            "R := $(shell uname -r | cut -c1)\nS := $(R)\nobj-m := a$(S).o\n",
            3,
        ),
        ("all:\n\techo\n$(obj)/v.h: FORCE\n\tuname -r > $@\n", 4),
        (
            "define K\n$(shell uname -r)\nendef\nccflags-y += -D$(K)\n",
            4,
        ),
        (
            "ifneq ($(KERNELRELEASE),)\nobj-m += $(shell uname -r).o\nelse\nendif\n",
            2,
        ),
    ] {
        let expected = ("Kbuild".to_owned(), line, None);
        assert_eq!(found(makefile), [expected], "{makefile}");
    }
}

#[test]
fn the_variable_behind_it_is_named_with_the_placeholder_to_set_it_to() {
    for (makefile, line, variable, placeholder) in [
        (
            "KVER := $(shell uname -r)\nifneq ($(findstring 6.1,$(KVER)),)\nccflags-y += -DOLD\nendif\n",
            3,
            "KVER",
            "{release}",
        ),
        (
            "K ?= /lib/modules/$(shell uname -r)/build\nobj-m := a.o\n\
             ifneq ($(wildcard $(K)/a.h),)\nelse\nccflags-y += -DX\nendif\n",
            5,
            "K",
            "{kernel_dir}",
        ),
        (
            "V := $(shell uname -r)\nK := /lib/modules/$(V)/source\nccflags-y += -I$(K)/x\n",
            3,
            "K",
            "{kernel_source}",
        ),
        (
            "K := $(shell uname -r)\nifdef K\nD := y\nendif\nobj-$(D) += a.o\n",
            5,
            "K",
            "{release}",
        ),
        (
            "K ?= /lib/modules/$(shell uname -r)/build\n\
             HAS := $(shell grep -q x $(K)/a.h && echo y)\nccflags-$(HAS) += -DX\n",
            3,
            "K",
            "{kernel_dir}",
        ),
        (
            "OUTER := $(shell uname -r)\nccflags-y += -D$(OUTER)\n",
            2,
            "OUTER",
            "{release}",
        ),
        (
            "-include $(src)/x.mk\nccflags-y += -D$(FROM_FILE)\n",
            2,
            "FROM_FILE",
            "{release}",
        ),
        (
            "K := $(shell uname -r)\ninclude $(src)/$(K).mk\n",
            2,
            "K",
            "{release}",
        ),
        (
            "K := $(shell uname -r)\nifeq ($(K),x)\n$(error too old)\nendif\n",
            3,
            "K",
            "{release}",
        ),
    ] {
        let setting = Some((variable.to_owned(), placeholder));
        let expected = ("Kbuild".to_owned(), line, setting);
        assert_eq!(found(makefile), [expected], "{makefile}");
    }
}

#[test]
fn an_included_file_is_told_of_at_its_include_and_where_it_decides_itself_once_for_all_folders() {
    let root = Root::new();
    root.write(
        "Kbuild",
        "K := $(shell uname -r)\nobj-m := a.o sub/\nifeq ($(K),x)\ninclude $(M)/x.mk\nendif\n\
         include $(M)/y.mk\n",
    );
    root.write("x.mk", "ccflags-y += -DX\n");
    root.write("y.mk", "\nccflags-y += -DY=$(shell uname -r)\n");
    root.write("sub/Kbuild", "include $(M)/y.mk\n");
    let uses = uname_uses(&Makefiles::of(root.path()), &|_, _| false);
    let places: Vec<_> = uses.iter().map(|one| (&*one.makefile, one.line)).collect();
    assert_eq!(
        places,
        [(&*root.join("Kbuild"), 4), (&*root.join("y.mk"), 2)]
    );
}
