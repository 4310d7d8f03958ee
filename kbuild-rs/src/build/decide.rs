//! Is there anything to do, and what: the last build compared with the world, sources included.

use super::run::Run;
use crate::Result;
use crate::freshness::{Class, Record, Stale};
use crate::stage::{Item, Kind, is_makefile};

impl Run<'_> {
    /// Compares the last build with the world, sources included.
    pub(super) fn verdict(
        &self,
        record: &Record,
        config: &[Vec<u8>],
        manifest: &[Item],
        items: &[Item],
    ) -> Result<Option<Stale>> {
        // Another folder of this root may have brought the stage in step, or a build that was
        // killed: what this folder's record tells of was built from older sources.
        let stage = &self.request.stage;
        let seen = stage.seen(self.writer, &self.request.folder)?;
        let since = seen.as_deref().unwrap_or(manifest);
        let changes = self.request.stage.compare(since, items);
        let stale = record.check(config);
        if changes.is_empty() {
            return Ok(stale);
        }
        let mut stale = stale.unwrap_or_default();
        let stage = &self.request.stage;
        let of = |item: &Item| stage.source_of(item);
        stale.changed.extend(changes.removed().iter().map(of));
        stale
            .changed
            .extend(changes.copied().iter().map(|&i| of(&items[i])));
        // A new file may stand before another of its name on a search path, and a new header may
        // answer a __has_include: no .cmd tells of what was not there.
        let known: Vec<_> = record
            .prerequisites
            .iter()
            .filter(|p| p.class == Class::Targets)
            .filter_map(|p| p.path.file_name())
            .collect();
        let shadow = changes.added.iter().map(|&i| &items[i].rel).find(|rel| {
            let is = |extension: &str| rel.extension().is_some_and(|e| e == extension);
            // Rust's are looked for in no other folder.
            let of_rust = cfg!(feature = "rust") && is("rs");
            is("h") || (!of_rust && rel.file_name().is_some_and(|n| known.contains(&n)))
        });
        if let (Some(rel), None) = (shadow, &stale.from_nothing) {
            stale.from_nothing = Some(format!("{} is new", rel.display()));
        }
        // rustc takes neither of `x.rs` and `x/mod.rs` where there are both.
        #[cfg(feature = "rust")]
        for &added in &changes.added {
            if let Some(other) = crate::crate_files::other_place(&items[added].rel) {
                let other = items.iter().find(|item| item.rel == other);
                stale.changed.extend(other.map(of));
            }
        }
        // A symvers that lies in the tree itself: no prerequisite of modpost's either.
        let is_symvers = |item: &Item| item.rel.to_string_lossy().ends_with("symvers");
        stale.modpost |= changes.copied().iter().any(|&i| is_symvers(&items[i]))
            || changes.removed().iter().any(is_symvers);
        // No .cmd tells which files were reached over a link.
        let copied = changes.copied().iter().map(|&i| &items[i]);
        let link = copied
            .chain(changes.removed())
            // git's answers are make's affair.
            .find(|item| matches!(item.kind, Kind::Link(_)) && !item.rel.ends_with(".git"));
        if let (Some(item), None) = (link, &stale.from_nothing) {
            stale.from_nothing = Some(format!("{} leads elsewhere", item.rel.display()));
        }
        // kbuild makes anew whatever its saved command no longer fits; what other rules made has
        // none, and make does not know that the rule is another one.
        let copied = changes.copied().iter().map(|&i| &items[i]);
        let makefile = copied
            .chain(changes.removed())
            .find(|item| is_makefile(&item.rel));
        if let (Some(item), None) = (makefile, &stale.from_nothing) {
            if self.has_products_of_own_rules(since)? {
                stale.from_nothing = Some(format!("{} changed", item.rel.display()));
            }
        }
        Ok(Some(stale))
    }
}
