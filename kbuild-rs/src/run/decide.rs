//! Decides whether there is anything to do, and which work it is.
//!
//! A changed file of the stage that no rule names starts a build from nothing if a rule's script
//! may have read it: if the stage has a file without a kbuild command, or a source says `.incbin`.
//! Otherwise nothing can have read it.

use std::path::Path;

use super::Run;
use super::record::{Class, Reason, Record, Stale};
use crate::Result;
use crate::kbuild::{KBUILD_TOML, is_makefile};
use crate::resolve::Fingerprint;
use crate::stage::{Changes, Item, Kind};
use crate::sys::{is_among, sort_paths};

impl Run<'_> {
    /// Compares the last build with the current state, sources included.
    pub(crate) fn verdict(
        &self,
        record: &Record,
        fingerprint: &Fingerprint,
        manifest: &[Item],
        items: &[Item],
    ) -> Result<Option<Stale>> {
        // The stage may be newer than this folder's record: another folder of this root, or a
        // killed build, may have updated it.
        let stage = &self.resolved.stage;
        let seen = stage.seen(self.writer, &self.resolved.folder)?;
        let since = seen.as_deref().unwrap_or(manifest);
        let changes = self.resolved.stage.compare(since, items);
        let stale = record.check(&fingerprint.0);
        let doubtful = stale.as_ref().is_some_and(|s| s.makefile.is_some());
        if changes.is_empty() && !doubtful {
            return Ok(stale);
        }
        let mut stale = stale.unwrap_or_default();
        let stage = &self.resolved.stage;
        let of = |item: &Item| stage.source_of(item);
        stale.changed.extend(changes.removed().iter().map(of));
        stale
            .changed
            .extend(changes.copied().iter().map(|&i| of(&items[i])));
        // A new file may come before another one of its name on a search path, and a new header may
        // change a __has_include. No .cmd names a file that did not exist.
        let known: Vec<_> = record
            .prerequisites
            .iter()
            .filter(|p| p.class == Class::Targets)
            .filter_map(|p| p.path.file_name())
            .collect();
        let shadow = changes.added.iter().map(|&i| &items[i].rel).find(|rel| {
            let is = |extension: &str| rel.extension().is_some_and(|e| e == extension);
            // rustc searches no other folders.
            let of_rust = cfg!(feature = "rust") && is("rs");
            is("h") || (!of_rust && rel.file_name().is_some_and(|n| known.contains(&n)))
        });
        if let (Some(rel), None) = (shadow, &stale.from_nothing) {
            let why = format!("{} is new", rel.display());
            stale.from_nothing = Some(Reason::Tell(why));
        }
        // rustc refuses a module for which both `x.rs` and `x/mod.rs` exist.
        #[cfg(feature = "rust")]
        for &added in &changes.added {
            if let Some(other) = crate::resolve::other_place(&items[added].rel) {
                let other = items.iter().find(|item| item.rel == other);
                stale.changed.extend(other.map(of));
            }
        }
        // A symvers in the tree itself is not a prerequisite of modpost either.
        let is_symvers = |item: &Item| item.rel.to_string_lossy().ends_with("symvers");
        stale.modpost |= changes.copied().iter().any(|&i| is_symvers(&items[i]))
            || changes.removed().iter().any(is_symvers);
        // No .cmd tells which files were reached through a link.
        let copied = changes.copied().iter().map(|&i| &items[i]);
        let link = copied
            .chain(changes.removed())
            // A `.git` does not count here: the record covers git's answers.
            .find(|item| matches!(item.kind, Kind::Link(_)) && !item.rel.ends_with(".git"));
        if let (Some(item), None) = (link, &stale.from_nothing) {
            let why = format!("the link {} has a new target", item.rel.display());
            stale.from_nothing = Some(Reason::Tell(why));
        }
        self.doubt_own_rules(&mut stale, record, since, &changes, items)?;
        Ok(Some(stale))
    }

    /// Builds from nothing if a changed file is named in no `.cmd` and the tree's own rules may
    /// have read it.
    fn doubt_own_rules(
        &self,
        stale: &mut Stale,
        record: &Record,
        since: &[Item],
        changes: &Changes,
        items: &[Item],
    ) -> Result<()> {
        let stage = &self.resolved.stage;
        let (mut makefiles, mut named) = (Vec::new(), Vec::new());
        for p in &record.prerequisites {
            match p.class {
                Class::Makefile => makefiles.push(p.path.clone()),
                _ => named.push(p.path.clone()),
            }
        }
        sort_paths(&mut named);
        let copied = changes.copied().iter().map(|&i| &items[i]);
        let changed: Vec<&Item> = copied.chain(changes.removed()).collect();
        // kbuild rebuilds every file whose saved command no longer fits. Files of other rules have
        // no saved command, and make does not notice that the rule changed.
        let is_read =
            |item: &&&Item| is_makefile(&item.rel) || makefiles.contains(&stage.source_of(item));
        let makefile = changed
            .iter()
            .find(is_read)
            .map(|item| stage.source_of(item));
        stale.makefile = stale.makefile.take().or(makefile);
        if stale.from_nothing.is_some() {
            return Ok(());
        }
        let unnamed = changed.iter().find(|item| {
            let is_file = matches!(item.kind, Kind::File { .. });
            is_file && !is_among(&stage.source_of(item), &named) && !is_bystander(&item.rel)
        });
        let why = match (&stale.makefile, unnamed) {
            (Some(makefile), _) if self.has_products_of_own_rules(since)? => {
                Some(format!("{} changed", makefile.display()))
            }
            (_, Some(item)) if self.has_unknown_inputs(record, since)? => Some(format!(
                "{} changed, and kbuild-rs does not know which outputs depend on it",
                item.rel.display()
            )),
            _ => None,
        };
        stale.from_nothing = why.map(Reason::Tell);
        Ok(())
    }
}

/// Whether builds do not read a file: an editor's file, documentation, or our own `kbuild.toml`, which
/// each build checks before anything else. Such files change all the time.
fn is_bystander(rel: &Path) -> bool {
    let name = rel.file_name().unwrap_or_default().to_string_lossy();
    if name == KBUILD_TOML {
        return true;
    }
    let is_editors = name.starts_with(['.', '#']) || name.ends_with(['~', '#']);
    is_editors || is_document(rel)
}

/// Whether a file is documentation by its name, or what `patch` leaves.
pub(super) fn is_document(rel: &Path) -> bool {
    let name = rel.file_name().unwrap_or_default().to_string_lossy();
    let documents = [
        "README",
        "LICENSE",
        "COPYING",
        "CHANGELOG",
        "ChangeLog",
        "NEWS",
        "AUTHORS",
    ];
    let ends = [".md", ".rst", ".orig", ".rej", ".patch"];
    documents.iter().any(|start| name.starts_with(start))
        || ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_editors_and_documentation_are_told_from_inputs() {
        for name in [
            ".a.c.swp",
            "a.c~",
            "#a.c#",
            ".#a.c",
            "doc/README.txt",
            "kbuild.toml",
            "x/notes.md",
        ] {
            assert!(is_bystander(Path::new(name)), "{name}");
        }
        for name in ["fw.bin", "regs.txt", "x.lds", "a.inc", "doc/a.c", "Kbuild"] {
            assert!(!is_bystander(Path::new(name)), "{name}");
        }
    }
}
