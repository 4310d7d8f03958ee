//! Publishes the products of an entry, in place of make.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::entry::{Entry, Kind, Part};
use crate::editor::compile_commands;
use crate::make::{Hearing, say_again};
use crate::resolve::Fingerprint;
use crate::run::publish::{Published, artifact};
use crate::run::record::salted::Salted;
use crate::run::record::{Class, Prerequisite, Record};
use crate::run::{BeforeMake, Run};
use crate::settings::Report;
use crate::stage::Item;
use crate::sys::{boot_id, is_below};
use crate::{Error, Result};

/// The parts of an entry, and their bytes.
type Parts<'a> = [(&'a Part, &'a [u8])];

impl Run<'_> {
    /// Publishes an entry that fits. `None` if it does not have what this build asks for.
    pub(super) fn take(
        &self,
        (entry, parts): (&Entry, &Parts<'_>),
        prerequisites: Vec<Prerequisite>,
        before: &mut BeforeMake<'_>,
        (items, fingerprint): (&[Item], &Fingerprint),
    ) -> Result<Option<Report>> {
        let Some(texts) = self.texts(parts) else {
            return Ok(None);
        };
        let old = before.record;
        self.remove_built(old, items)?;
        let published = self.publish_taken(parts, &texts, before.start)?;
        self.remove_stale(old, &published)?;
        self.say_again(entry);
        let mut prerequisites = prerequisites;
        prerequisites.extend(self.heads_as_they_are(items, before.start));
        let record = Record {
            config: Salted::of(&fingerprint.0),
            boot: boot_id(),
            succeeded: true,
            prerequisites,
            products: published.modules,
            others: published.others,
            targets: old.targets.clone(),
            rules: Vec::new(),
            elsewhere: Vec::new(),
        };
        let inventory = std::mem::take(&mut before.inventory);
        self.end(&record, inventory)?;
        let mut report = self.report(&record, items, false);
        report.cached = true;
        Ok(Some(report))
    }

    /// The texts with placeholders, filled in. `None` if a placeholder is not of this build, or if
    /// the products are not those that this build asks for.
    fn texts(&self, parts: &Parts<'_>) -> Option<Vec<(Kind, Vec<u8>)>> {
        let of_kind = |kind: Kind| parts.iter().filter(move |(part, _)| part.kind == kind);
        let others: Vec<&PathBuf> = of_kind(Kind::Other).map(|(part, _)| &part.name).collect();
        let is_asked = others.iter().copied().eq(&self.resolved.products);
        let is_name = |part: &Part| is_below(&part.name) && part.name.components().count() == 1;
        let mut modules = of_kind(Kind::Module);
        if !is_asked || !modules.all(|(part, _)| is_name(part)) {
            return None;
        }
        let words = self.words(false);
        let with_placeholders = [Kind::StagedSymvers, Kind::CompileCommands, Kind::Rust];
        let texts = parts
            .iter()
            .filter(|(part, _)| with_placeholders.contains(&part.kind));
        texts
            .map(|(part, bytes)| Some((part.kind, words.show(bytes)?.into_vec())))
            .collect()
    }

    fn publish_taken(
        &self,
        parts: &Parts<'_>,
        texts: &[(Kind, Vec<u8>)],
        start: Duration,
    ) -> Result<Published> {
        let r = self.resolved;
        let _lock = self.lock_to_publish()?;
        let folder = r.folder.join("cached");
        self.writer.remove_tree(&folder)?;
        self.writer.create_dirs(&folder)?;
        let (mut products, mut others) = (Vec::new(), Vec::new());
        for (number, (part, bytes)) in parts.iter().enumerate() {
            let from = folder.join(number.to_string());
            let name = part.name.to_str().unwrap_or_default();
            match part.kind {
                Kind::Module => {
                    self.write_taken(&from, part.mode, bytes)?;
                    let to = r.out.join(format!("{name}.ko"));
                    let product = artifact::publish(self.writer, &from, &to, Some(name), start)?;
                    products.push(product);
                }
                Kind::Symvers => {
                    self.write_taken(&from, part.mode, bytes)?;
                    let to = r.out.join(format!("{}.symvers", r.label));
                    products.push(artifact::publish(self.writer, &from, &to, None, start)?);
                }
                Kind::Other => {
                    self.write_taken(&from, part.mode, bytes)?;
                    let to = r.out.join(&part.name);
                    let (writer, mode) = (self.writer, part.mode);
                    others.push(artifact::publish_other(writer, &from, &to, mode, start)?);
                }
                Kind::StagedSymvers | Kind::CompileCommands | Kind::Rust => {}
            }
        }
        self.writer.remove_tree(&folder)?;
        for (kind, text) in texts {
            self.write_text(*kind, text)?;
        }
        Ok(Published {
            modules: products,
            others,
            targets: Vec::new(),
        })
    }

    fn write_taken(&self, path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
        let failed = |e| Error::writing("write", path, e);
        let mut file = self.writer.create(path, 0o600)?;
        file.write_all(bytes).map_err(failed)?;
        let mode = Permissions::from_mode(mode & 0o777);
        file.set_permissions(mode).map_err(failed)
    }

    fn write_text(&self, kind: Kind, text: &[u8]) -> Result<()> {
        let r = self.resolved;
        match kind {
            Kind::StagedSymvers if r.module_dir() != r.stage.dir => {
                let path = r.module_dir().join("Module.symvers");
                self.writer.write_if_changed(&path, text)
            }
            Kind::CompileCommands => {
                let own = r.folder.join(compile_commands::ENTRIES);
                self.writer.write_if_changed(&own, text)?;
                compile_commands::publish(self.writer, &own, &r.stage.shared, &r.out)
            }
            #[cfg(feature = "ide")]
            Kind::Rust => {
                let own = r.folder.join(crate::stage::RUST_ENTRIES);
                self.writer.write_if_changed(&own, text)?;
                crate::editor::rust_project::publish(self.writer, &own, &r.stage.shared, &r.out)
            }
            _ => Ok(()),
        }
    }

    /// Prints what make and the compilers printed, as in a build.
    fn say_again(&self, entry: &Entry) {
        let facts = self.build_facts();
        let hearing = Hearing {
            map: &self.resolved.make.map,
            facts: &facts,
            sink: &self.resolved.sink,
        };
        say_again(&entry.said, &hearing);
    }

    /// The files that decide git's answers, for the record.
    fn heads_as_they_are(&self, items: &[Item], start: Duration) -> Vec<Prerequisite> {
        let now = |path: PathBuf| Prerequisite {
            class: Class::Make,
            id: crate::sys::Identity::of_settled(&path, start)
                .ok()
                .flatten(),
            path,
        };
        self.heads_if_asked(items).into_iter().map(now).collect()
    }
}
