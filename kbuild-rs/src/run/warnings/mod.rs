//! Warnings about the text of a tree's makefiles. They only use lines that make certainly reads: a
//! condition or an unknown include may exclude the others.

mod ignored_flags;
mod running_kernel;

use std::fs;

use super::Run;
use crate::kbuild::Makefiles;
use crate::resolve::Sources;

impl Run<'_> {
    /// Warns about the makefiles that make is about to read.
    pub(crate) fn warn_about_makefiles(&self) {
        let r = self.resolved;
        let running = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let running = running.trim();
        let is_for_other = running != r.kernel().release();
        let ignored = ignored_flags::ignored(r.kernel());
        if !is_for_other && ignored.is_empty() {
            return;
        }
        let makefiles = match &r.sources {
            Sources::Tree { .. } => Makefiles::of(r.module_dir()),
            Sources::Declared(_) => Makefiles::default(),
        };
        if is_for_other {
            self.warn_of_running_kernel(&makefiles, running);
        }
        self.warn_of_ignored_flags(&makefiles, &ignored);
    }

    /// Warns if the release of the running kernel decides what kbuild makes, and the build is for
    /// another kernel.
    fn warn_of_running_kernel(&self, makefiles: &Makefiles, running: &str) {
        let r = self.resolved;
        let command = &r.make.command;
        let is_given = |name: &str, how: char| {
            let mut variables = command.variables.iter();
            let mut environment = command.env.iter();
            variables.any(|(known, _)| known == name)
                || (how == '?' && environment.any(|(known, _)| known == name))
        };
        for found in running_kernel::uname_uses(makefiles, &is_given) {
            r.sink.warning(
                "running-kernel-in-makefile",
                &format!(
                    "{}:{}: the tree uses `uname -r` here to decide what to build. `uname -r` \
                     names the running kernel {running}, but this build is for {}. Use \
                     $(KERNELRELEASE) or $(VERSION){}",
                    r.make.map.source(&found.makefile).display(),
                    found.line,
                    r.kernel().release(),
                    match found.variable {
                        Some((name, placeholder)) => format!(
                            ", or set {name} for this build:\n    --make-var \
                         '{name}={placeholder}'\n(Build::make_var; in CMake, MAKE_VARIABLES; in \
                         Meson, make_variables)"
                        ),
                        None => String::new(),
                    }
                ),
            );
        }
    }
}
