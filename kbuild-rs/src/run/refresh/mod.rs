//! Prepares the stage before make starts: deletes files that must not be kept, and writes generated
//! files.

mod git;
mod modpost;
mod prepare;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use super::Run;
use super::record::{Reason, Record, Rule, Stale};
use crate::kbuild::cmd_file;
use crate::stage::{Changes, Item};
use crate::sys::{is_among, regular, sort_paths};
use crate::{Error, Result};

impl Run<'_> {
    /// Deletes everything that must not be kept. Returns whether the stage is filled for the first
    /// time, and the items to copy.
    pub(crate) fn make_room(
        &self,
        stale: &Stale,
        record: &Record,
        manifest: Option<Vec<Item>>,
        items: &[Item],
    ) -> Result<(bool, Changes)> {
        let r = self.resolved;
        let Some(manifest) = manifest else {
            r.stage.wipe(self.writer)?;
            return Ok((true, r.stage.compare(&[], items)));
        };
        let Some(reason) = &stale.from_nothing else {
            return Ok((false, r.stage.compare(&manifest, items)));
        };
        if let Reason::Tell(reason) = reason {
            self.resolved
                .sink
                .note(&format!("building {} from scratch: {reason}", r.label));
        }
        if r.module_dir() == r.stage.dir {
            r.stage.wipe(self.writer)?;
            return Ok((true, r.stage.compare(&[], items)));
        }
        self.remove_built(record, &manifest)?;
        Ok((false, r.stage.compare(&manifest, items)))
    }

    /// Deletes what builds of this module folder made in the stage.
    pub(crate) fn remove_built(&self, record: &Record, items: &[Item]) -> Result<()> {
        let r = self.resolved;
        // Other module folders of this root keep their objects in the same stage. An object
        // elsewhere belongs to this folder if its command names this folder's flags. kbuild
        // rebuilds the others' objects if this folder uses them, because their commands name other
        // flags.
        for target in self.resolver(items).targets()? {
            if self.is_ours(&target.command)? {
                self.writer.remove_file(&target.path)?;
                self.writer.remove_file(&target.command)?;
            }
        }
        for (path, _) in r.stage.products(r.module_dir(), items)? {
            self.writer.remove_file(&path)?;
        }
        for rel in &record.elsewhere {
            self.writer.remove_file(&r.stage.file(rel))?;
        }
        Ok(())
    }

    /// Whether a saved command belongs to this module folder's builds.
    fn is_ours(&self, command: &Path) -> Result<bool> {
        let text = regular::read(command).map_err(|e| Error::reading("read", command, e))?;
        let own = self.resolved.folder.as_os_str().as_bytes();
        Ok(text.windows(own.len()).any(|part| part == own))
    }

    /// Deletes the targets of changed prerequisites, because make only compares mtimes.
    pub(crate) fn remove_stale_targets(
        &self,
        stale: &Stale,
        record: &Record,
        items: &[Item],
    ) -> Result<()> {
        let r = self.resolved;
        let mut changed = stale.changed.clone();
        sort_paths(&mut changed);
        if !changed.is_empty() {
            let gone = |p: &Path| is_among(p, &changed) || !p.exists();
            let resolver = self.resolver(items);
            // The targets of rules come first, because they may be headers. make may check a header
            // before a recipe that make does not know of rebuilds it (`main.o: | generated`), so
            // the objects that include it must be deleted too.
            let others = self.other_records()?;
            let shared = others.iter().flat_map(|other| &other.rules);
            let is_stale = |rule: &Rule| {
                let is_made_anew = || others.iter().any(|other| other.has_seen(rule));
                gone(&rule.prerequisite) && !is_made_anew()
            };
            let rules: Vec<_> = record.rules.iter().chain(shared).collect();
            // A file that was built from a deleted one is deleted too.
            let mut again = true;
            while std::mem::take(&mut again) {
                for rule in &rules {
                    let target = rule.target.as_ref().filter(|_| is_stale(rule));
                    if let Some(rel) = target.and_then(|t| resolver.product(&r.stage.file(t))) {
                        self.writer.remove_file(&r.stage.file(&rel))?;
                        again = true;
                    }
                }
            }
            // The targets share their paths, which stay at their places as long as the targets do.
            let targets = resolver.targets()?;
            let mut known = HashMap::new();
            let mut gone = |p: &Rc<Path>| {
                let place = Rc::as_ptr(p).cast::<u8>();
                *known.entry(place).or_insert_with(|| gone(p))
            };
            for target in &targets {
                if target.prerequisites.iter().any(&mut gone) {
                    self.writer.remove_file(&target.path)?;
                    self.writer.remove_file(&target.command)?;
                }
            }
        }
        self.remove_products_of_old_rules(stale)?;
        if stale.modpost {
            for (path, _) in r.stage.products(r.module_dir(), items)? {
                let name = path.file_name().unwrap_or_default().as_bytes();
                // Module.symvers itself stays, so that it keeps its time if its content does not
                // change: other folders of this root may depend on it.
                let names = [&b".mod.c"[..], b".ko", b".Module.symvers.cmd"];
                if names.iter().any(|end| name.ends_with(end)) {
                    self.writer.remove_file(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Whether files in the stage may come from files that no rule names.
    pub(crate) fn has_unknown_inputs(&self, record: &Record, items: &[Item]) -> Result<bool> {
        Ok(self.has_products_of_own_rules(items)? || self.includes_bytes(record, items))
    }

    /// Whether the assembler reads a file for a source (`.incbin`), or the linker reads a script,
    /// which may include another file.
    fn includes_bytes(&self, record: &Record, items: &[Item]) -> bool {
        let stage = &self.resolved.stage;
        let mut named: Vec<_> = record
            .prerequisites
            .iter()
            .map(|p| p.path.clone())
            .collect();
        sort_paths(&mut named);
        let sources = items
            .iter()
            .filter(|item| is_among(&stage.source_of(item), &named));
        sources.into_iter().any(|item| {
            let text = regular::read(stage.file(&item.rel)).unwrap_or_default();
            let is_script = item.rel.to_string_lossy().ends_with(".lds");
            let word: &[u8] = if is_script { b"INCLUDE" } else { b"incbin" };
            text.windows(word.len()).any(|part| part == word)
        })
    }

    /// Whether the module folder's stage has a file without a saved command of kbuild: a rule of
    /// the tree or `prepare` created it.
    pub(crate) fn has_products_of_own_rules(&self, items: &[Item]) -> Result<bool> {
        let r = self.resolved;
        let dir = r.module_dir();
        let has_command = |path: &Path, name: &[u8]| {
            let saved = [b".", name, b".cmd"].concat();
            let saved = regular::read_to_string(path.with_file_name(OsStr::from_bytes(&saved)));
            saved.is_ok_and(|text| cmd_file::has_command(&text))
        };
        let of_kbuild = |path: &Path| {
            let name = path.file_name().unwrap_or_default().as_bytes();
            let shipped = [name, b"_shipped"].concat();
            name.starts_with(b".")
                || [
                    &b".mod"[..],
                    b".mod.c",
                    b".ko",
                    b"modules.order",
                    b"Module.symvers",
                ]
                .iter()
                .any(|end| name.ends_with(end))
                || has_command(path, name)
                || path.with_file_name(OsStr::from_bytes(&shipped)).exists()
                || r.make.files.iter().any(|(file, _)| file == path)
        };
        let made = r.stage.products(dir, items)?;
        Ok(made.iter().any(|(path, _)| !of_kbuild(path)))
    }

    /// Writes the generated files: Kbuild, flag files, links, copies of providers' symvers.
    pub(crate) fn write_files(&self) -> Result<()> {
        let r = self.resolved;
        let watch = (&r.make.watch.makefile, &r.make.watch.text);
        let files = r.make.files.iter().map(|(path, text)| (path, text));
        for (path, text) in files.chain([watch]) {
            self.writer.write_if_changed(path, text)?;
        }
        r.inputs.links.create(self.writer)?;
        for (original, copy) in &r.inputs.symvers {
            let text = regular::read(original).map_err(|e| Error::reading("read", original, e))?;
            self.writer.write_if_changed(copy, &text)?;
        }
        Ok(())
    }
}
