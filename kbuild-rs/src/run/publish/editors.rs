//! The files for editors beside the products of a build.

use std::fs;

use crate::editor::compile_commands;
use crate::run::Run;
use crate::run::record::prerequisites::working_dir;
use crate::stage::{COMPILE_COMMANDS, RUST_PROJECT};
use crate::sys::regular;
use crate::{CompilerKind, Result};

impl Run<'_> {
    /// Writes the files for editors, with the entries of all modules built into OUT.
    pub(crate) fn write_for_editors(&self) -> Result<()> {
        self.write_compile_commands()?;
        #[cfg(feature = "ide")]
        self.write_rust_project()?;
        #[cfg(all(feature = "rust", not(feature = "ide")))]
        {
            let own = self.resolved.folder.join(crate::stage::RUST_ENTRIES);
            self.writer.remove_file(&own)?;
        }
        Ok(())
    }

    /// Writes a missing file if there is nothing to build: somebody has removed it, or the last
    /// build ran without the feature `ide`.
    pub(crate) fn write_missing_for_editors(&self) -> Result<()> {
        #[cfg(feature = "ide")]
        let rust = self.lacks_rust_project();
        #[cfg(not(feature = "ide"))]
        let rust = false;
        if rust || self.is_missing(compile_commands::ENTRIES, COMPILE_COMMANDS) {
            let _lock = self.lock_to_publish()?;
            self.write_for_editors()?;
        }
        Ok(())
    }

    /// Whether a file has lost its end, as in a power cut. The saved commands that it is made from may
    /// have lost theirs too, so make has to look at them.
    pub(crate) fn has_cut_file_for_editors(&self) -> bool {
        let is_cut = |(name, end): &(&str, &[u8])| {
            let text = regular::read(self.resolved.out.join(name));
            text.is_ok_and(|text| text.contains(&0) || !text.trim_ascii_end().ends_with(end))
        };
        let ends: [(&str, &[u8]); 2] = [(COMPILE_COMMANDS, b"\n]"), (RUST_PROJECT, b"}")];
        ends.iter().any(is_cut)
    }

    /// Whether this module folder has `entries` for a file that is not in OUT.
    pub(crate) fn is_missing(&self, entries: &str, file: &str) -> bool {
        let own = fs::metadata(self.resolved.folder.join(entries));
        own.is_ok_and(|own| own.len() > 0) && !self.resolved.out.join(file).exists()
    }

    fn write_compile_commands(&self) -> Result<()> {
        let r = self.resolved;
        let gcc = r.kernel().compiler().kind == CompilerKind::Gcc;
        let dir = r.module_dir();
        let entries =
            compile_commands::entries(dir, &working_dir(r.kernel(), dir), &r.make.map, gcc)?;
        let own = r.folder.join(compile_commands::ENTRIES);
        self.writer.write_if_changed(&own, entries.as_bytes())?;
        compile_commands::publish(self.writer, &own, &r.stage.shared, &r.out)
    }
}
