//! Flags in variables that kbuild read before 6.15. Newer kernels ignore them silently.

use crate::error::names::{ASFLAG, CFLAG};
use std::path::Path;

use crate::Kernel;
use crate::kbuild::{Assignment, Makefiles};
use crate::run::Run;
use crate::sys::regular;

/// (a variable, the variable that every kernel reads instead, another way to set the flags)
const VARIABLES: &[(&str, &str, &str)] = &[
    ("EXTRA_CFLAGS", "ccflags-y", CFLAG),
    ("EXTRA_CPPFLAGS", "ccflags-y", CFLAG),
    ("EXTRA_AFLAGS", "asflags-y", ASFLAG),
    ("EXTRA_LDFLAGS", "ldflags-y", "ldflags-y in the Kbuild"),
];

/// One of [`VARIABLES`].
pub(super) type Ignored = (&'static str, &'static str, &'static str);

impl Run<'_> {
    /// Warns about flags that do not reach a compiler.
    pub(super) fn warn_of_ignored_flags(&self, makefiles: &Makefiles, ignored: &[Ignored]) {
        // A makefile that was not read may use the variables.
        if !makefiles.are_all() {
            return;
        }
        let r = self.resolved;
        let release = r.kernel().release();
        for (name, instead, flags) in ignored {
            if makefiles.use_variable(name) {
                continue;
            }
            let mut variables = r.make.command.variables.iter();
            if variables.any(|(given, _)| given == name) {
                r.sink.warning("ignored-flags", &format!(
                    "{name} is set for this build, but the kernel {release} no longer reads it. \
                     Give the flags with {flags}"
                ));
            }
            if let Some(makefile) = sets(makefiles, name, instead) {
                r.sink.warning(
                    "ignored-flags",
                    &format!(
                        "{} sets {name}, which the kernel {release} no longer reads, so the module \
                         is built without these flags. Put them into {instead}, which every kernel \
                         reads",
                        r.make.map.source(makefile).display()
                    ),
                );
            }
        }
    }
}

/// The variables that a kernel's own makefiles do not read.
pub(super) fn ignored(kernel: &Kernel) -> Vec<Ignored> {
    let scripts = kernel.source_dir().join("scripts");
    let texts =
        ["Makefile.build", "Makefile.lib"].map(|name| regular::read_to_string(scripts.join(name)));
    let [Ok(build), Ok(lib)] = texts else {
        return Vec::new();
    };
    let is_unknown = |name: &str| !build.contains(name) && !lib.contains(name);
    VARIABLES
        .iter()
        .copied()
        .filter(|(name, ..)| is_unknown(name))
        .collect()
}

/// The makefile that certainly sets flags in the variable, and does not set them in `instead` too.
fn sets<'a>(makefiles: &'a Makefiles, name: &str, instead: &str) -> Option<&'a Path> {
    let given = |words: &str| {
        let assignments = makefiles.assignments().filter(|a| a.name == instead);
        let known: Vec<&str> = assignments
            .flat_map(|a| a.value.split_whitespace())
            .collect();
        let itself = [format!("$({instead})"), format!("$({name})")];
        words
            .split_whitespace()
            .all(|word| known.contains(&word) || itself.iter().any(|i| i == word))
    };
    let is_certain = |a: &Assignment<'_>| a.name == name && a.condition.is_none();
    let mut assignments = makefiles.assignments().filter(is_certain);
    assignments.find(|a| !given(a.value)).map(|a| a.makefile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    fn is_told(makefile: &str) -> bool {
        let root = Root::new();
        root.write("Makefile", makefile);
        let makefiles = Makefiles::of(&root.join(""));
        let name = "EXTRA_CFLAGS";
        !makefiles.use_variable(name)
            && makefiles.are_all()
            && sets(&makefiles, name, "ccflags-y").is_some()
    }

    #[test]
    fn flags_that_nothing_reads_are_reported() {
        for makefile in [
            "EXTRA_CFLAGS := -DX\nobj-m := a.o\n",
            "EXTRA_CFLAGS += -I$(src)/inc\n",
            "ifneq ($(KERNELRELEASE),)\nEXTRA_CFLAGS = $(EXTRA_CFLAGS) -DX\nendif\n",
            "ccflags-y := -DA\nEXTRA_CFLAGS := $(ccflags-y) -DX\n",
        ] {
            assert!(is_told(makefile), "{makefile}");
        }
    }

    #[test]
    fn flags_that_reach_the_compiler_or_may_are_not_told() {
        for makefile in [
            "obj-m := a.o\n",
            "EXTRA_CFLAGS :=\n",
            "EXTRA_CFLAGS := -DX\nccflags-y += $(EXTRA_CFLAGS)\n",
            "EXTRA_CFLAGS := -DX\nCFLAGS_a.o := ${EXTRA_CFLAGS}\n",
            "ccflags-y := -DX\nEXTRA_CFLAGS += $(ccflags-y)\n",
            "EXTRA_CFLAGS += -DX\nccflags-y += -DY -DX\n",
            "ifdef OLD\nEXTRA_CFLAGS += -DX\nendif\n",
            "ifeq ($(KERNELRELEASE),)\nEXTRA_CFLAGS += -DX\nendif\n",
            "all:\n\tmake EXTRA_CFLAGS=-DX\n",
            "EXTRA_CFLAGS_MINE := -DX\n",
            "EXTRA_CFLAGS := -DX\ninclude $(wildcard *.mk)\n",
        ] {
            assert!(!is_told(makefile), "{makefile}");
        }
    }
}
