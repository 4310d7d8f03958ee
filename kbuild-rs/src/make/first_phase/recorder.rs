//! The lines that have each make write down how it was started.

use std::path::{Path, PathBuf};

/// The variable that a recipe line of a makefile expands: see [`trace`](crate::make::trace).
pub(in crate::make) const TOP: &str = "kbuild-rs-top";

/// The line that the first make after the first phase prints on both streams. Lines before it
/// belong to the first phase.
pub(in crate::make) const MARK: &str = "kbuild-rs: the first phase has ended";

/// The files of a build that is being recorded.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// The folder for the files that makes write, one each. They have the whole environment, so only
    /// the builder may read them.
    pub(crate) folder: PathBuf,
    /// The file with the targets whose recipes the top Makefile ran, one in a line.
    pub(crate) targets: PathBuf,
    /// The reason why the last recording was not understood. It outlives the folder.
    pub(crate) why: PathBuf,
}

impl Recorder {
    pub(in crate::make) fn new(folder: &Path) -> Recorder {
        let why = folder.join("first-phase.why");
        let folder = folder.join("first-phase");
        Recorder {
            targets: folder.join("targets"),
            why,
            folder,
        }
    }

    /// The lines for a kernel whose folders are `dirs`.
    pub(crate) fn lines(&self, dirs: [&Path; 2]) -> Vec<u8> {
        let (folder, targets) = (self.folder.display(), self.targets.display());
        let [one, other] = dirs.map(|dir| dir.join("Makefile"));
        let tops = format!("{} {}", one.display(), other.display());
        // Deeper makes belong to folders of a module.
        format!(
            "ifneq ($(filter 0 1 2 3,$(or $(MAKELEVEL),0)),)\n\
             kbuild-rs-dump := $(shell umask 077 && exec >{folder}/$$PPID && pwd -P && \
             exec cat /proc/$$PPID/stat /proc/$$PPID/cmdline /proc/$$PPID/comm /proc/$$PPID/environ)\n\
             ifeq ($(origin need-builtin)-$(wildcard {folder}/ended),command line-)\n\
             $(file >{folder}/ended,)$(info {MARK})$(warning {MARK})\n\
             endif\n\
             endif\n\
             override {TOP} = $(if $(filter {tops},$(abspath $(firstword \
             $(MAKEFILE_LIST)))),$(foreach t,$(filter-out %/trace.none,$@),$(file \
             >>{targets},$t)))\n"
        )
        .into_bytes()
    }
}
