//! Habits of Makefiles that a person should know of.

use std::fs;

use super::run::Run;
use crate::regular;
use crate::stage::{Item, is_makefile};

impl Run<'_> {
    /// Says so when a Makefile asks for the running kernel: in a container, or on another
    /// kernel's machine, that is not the one built against.
    pub(super) fn warn_of_habits(&self, items: &[Item]) {
        let r = self.request;
        let running = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        if running.trim() == r.kernel.release() {
            return;
        }
        for item in items.iter().filter(|i| is_makefile(&i.rel)) {
            let path = r.stage.source_of(item);
            let text = regular::read(&path).unwrap_or_default();
            if asks_for_the_running_kernel(&String::from_utf8_lossy(&text)) {
                self.sink.warning(&format!(
                    "{} asks `uname -r`, which names the running kernel {}, not {} that is built \
                     against; if that decides anything, use $(KERNELRELEASE) or $(VERSION) there",
                    path.display(),
                    running.trim(),
                    r.kernel.release()
                ));
            }
        }
    }
}

/// Whether kbuild's own pass over a Makefile may depend on it. What `make` by hand needs does not
/// count: its recipes, and the path of the running kernel's tree, by way of a variable or not.
fn asks_for_the_running_kernel(makefile: &str) -> bool {
    let lines: Vec<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with('\t'))
        .map(|line| line.split('#').next().unwrap_or_default())
        .filter(|line| {
            !line.contains("/lib/modules/") && !line.trim_start().starts_with("KERNELDIR")
        })
        .collect();
    let mut asking = lines.iter().filter(|line| line.contains("uname -r"));
    asking.any(|line| match named(line) {
        Some(name) => lines.iter().any(|other| uses(other, name)),
        None => true,
    })
}

/// The variable that a line gives the running kernel's release to, and nothing else.
fn named(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end_matches([':', '?']).trim();
    let is_release = matches!(value.trim(), "$(shell uname -r)" | "`uname -r`");
    (is_release && !name.contains(char::is_whitespace)).then_some(name)
}

fn uses(line: &str, variable: &str) -> bool {
    line.contains(&format!("$({variable})")) || line.contains(&format!("${{{variable}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_the_running_kernel_is_for_make_by_hand() {
        for makefile in [
            "KDIR ?= /lib/modules/$(shell uname -r)/build\nobj-m := a.o\n",
            "KVER ?= $(shell uname -r)\nKDIR ?= /lib/modules/$(KVER)/build\nobj-m := a.o\n",
            "KERNELRELEASE\t?= `uname -r`\nKERNEL_DIR\t?= /lib/modules/${KERNELRELEASE}/build\n",
            "KVER ?= $(shell uname -r)\ninstall:\n\tmv a.ko a-$(KVER).ko\n",
            "# uname -r\nall:\n\tmake -C /lib/modules/$(shell uname -r)/build\n",
        ] {
            assert!(!asks_for_the_running_kernel(makefile), "{makefile}");
        }
    }

    #[test]
    fn what_decides_is_told() {
        for makefile in [
            "EXTRA_CFLAGS += -DKVER=$(shell uname -r)\n",
            "ccflags-y += -DKVER=\"$(shell uname -r)\"\n",
            "KVER := $(shell uname -r)\nifneq ($(findstring 6.1,$(KVER)),)\nccflags-y += -DOLD\nendif\n",
            "ifeq ($(shell uname -r | cut -d. -f1),5)\nobj-m := old.o\nendif\n",
        ] {
            assert!(asks_for_the_running_kernel(makefile), "{makefile}");
        }
    }
}
