//! Hides `foo.mod.c`, which modpost writes beside the sources, while make reads the makefiles: a
//! makefile's `$(wildcard $(src)/*.c)` would take it for a source. A first build does not have such
//! files. They are put back before modpost runs. modpost does not write them again unless something
//! changed, and their time decides whether they are compiled.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::resolve::Sources;
use crate::run::Run;
use crate::stage::Item;
use crate::syntax::shell_quote;

/// The hidden files: the current and the original place of each.
#[derive(Debug, Default)]
pub(crate) struct PutAway(Vec<(PathBuf, PathBuf)>);

impl Run<'_> {
    /// Hides the files. modpost's own make [puts them back](crate::make::Watch::put_back) with
    /// their times, so that nothing is compiled again.
    pub(crate) fn put_away(&self, items: &[Item]) -> Result<PutAway> {
        let r = self.resolved;
        let watch = &r.make.watch;
        self.writer.remove_tree(&watch.put_away)?;
        self.writer.remove_file(&watch.put_back)?;
        if matches!(r.sources, Sources::Declared(_)) {
            return Ok(PutAway::default());
        }
        let dir = r.module_dir();
        let products = r.stage.products(dir, items)?;
        let named = |end: &str| {
            let products = products.iter().map(|(path, _)| path.as_path());
            let end = end.to_owned();
            products.filter(move |path| path.to_string_lossy().ends_with(&end))
        };
        // A build that was cut off may have lost one, and modpost does not check for it.
        if named(".mod").any(|module| !module.with_extension("mod.c").exists()) {
            let saved = dir.join(".Module.symvers.cmd");
            self.writer.remove_file(&saved)?;
        }
        let mut folders: BTreeMap<&Path, Vec<OsString>> = BTreeMap::new();
        for path in named(".mod.c") {
            if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
                folders.entry(folder).or_default().push(name.to_owned());
            }
        }
        let mut put = PutAway::default();
        if folders.is_empty() {
            return Ok(put);
        }
        let mut script = String::new();
        for (number, (folder, names)) in folders.iter().enumerate() {
            let away = watch.put_away.join(number.to_string());
            self.writer.create_dirs(&away)?;
            script.push_str("mv -f");
            for name in names {
                let (from, to) = (folder.join(name), away.join(name));
                self.writer.rename(&from, &to)?;
                script.push(' ');
                script.push_str(&shell_quote(to.as_os_str()));
                put.0.push((to, from));
            }
            // With a trailing slash, the target can never be a file.
            let to = shell_quote(folder.join("").as_os_str());
            script.push_str(&format!(" {to} 2>/dev/null\n"));
        }
        self.writer
            .write_if_changed(&watch.put_back, script.as_bytes())?;
        Ok(put)
    }

    /// Puts the files back if modpost was not started.
    pub(crate) fn put_back(&self, put: &PutAway) -> Result<()> {
        for (away, place) in &put.0 {
            let is_away = fs::symlink_metadata(away).is_ok();
            let has_folder = place.parent().is_some_and(Path::is_dir);
            if is_away && has_folder {
                self.writer.rename(away, place)?;
            }
        }
        let watch = &self.resolved.make.watch;
        self.writer.remove_file(&watch.put_back)?;
        self.writer.remove_tree(&watch.put_away)
    }
}
