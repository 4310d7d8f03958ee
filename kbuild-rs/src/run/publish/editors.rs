//! The files for editors beside the products of a build.

use std::fs;

use crate::editor::compile_commands;
use crate::run::Run;
use crate::run::record::prerequisites::working_dir;
use crate::stage::COMPILE_COMMANDS;
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
    /// build ran without the feature `ide`. After a power cut, a file may have lost its end.
    pub(crate) fn write_lost_for_editors(&self, is_after_boot: bool) -> Result<()> {
        #[cfg(feature = "ide")]
        let rust = self.lacks_rust_project();
        #[cfg(not(feature = "ide"))]
        let rust = false;
        if is_after_boot || rust || self.is_missing(compile_commands::ENTRIES, COMPILE_COMMANDS) {
            let _lock = self.lock_to_publish()?;
            self.write_for_editors()?;
        }
        Ok(())
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
