//! What a build was made from: looked at when make has ended, for the next build to compare with.

use std::path::PathBuf;
use std::time::Duration;

use super::run::Run;
use crate::Result;
use crate::freshness::{Class, Record, seen, seen_symvers};
use crate::prerequisites::union;
use crate::stage::Item;

impl Run<'_> {
    /// Adds to the record what the build was made from.
    pub(super) fn note_prerequisites(
        &self,
        items: &[Item],
        start: Duration,
        record: &mut Record,
    ) -> Result<()> {
        let r = self.request;
        let given = r
            .symvers
            .iter()
            .filter_map(|(original, copy)| seen_symvers(original.clone(), copy));
        record.prerequisites.extend(given);
        // Those of other module folders of this root, which a Kbuild may name itself.
        let made = r.stage.products(&r.stage.dir, items)?.into_iter();
        let others = made.map(|(path, _)| path).filter(|path| {
            path.ends_with("Module.symvers") && path.parent() != Some(&r.make.module_dir)
        });
        let others = others.filter_map(|path| seen_symvers(path.clone(), &path));
        record.prerequisites.extend(others);
        let mut add = |class, paths: &mut dyn Iterator<Item = PathBuf>| {
            let found = paths.map(|path| seen(class, path, start));
            record.prerequisites.extend(found);
        };
        add(Class::Whole, &mut r.whole.iter().cloned());
        add(Class::Make, &mut self.git_heads(items).into_iter());
        let named = union(self.resolver(items).targets()?);
        // The flag files are ours: the configuration covers them.
        let known = |p: &PathBuf| r.whole.contains(p) || p.starts_with(&r.stage.private);
        add(Class::Targets, &mut named.into_iter().filter(|p| !known(p)));
        Ok(())
    }
}
