//! What a build was made from: looked at when make has ended, for the next build to compare with.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::run::Run;
use crate::Result;
use crate::freshness::{Class, Record, seen, seen_symvers};
use crate::make;
use crate::prerequisites::union;
use crate::stage::{Item, is_makefile};

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
        if self.asks_git(items) {
            let heads = r.git.iter().flat_map(make::Git::head_files);
            add(Class::Make, &mut heads.into_iter());
        }
        let named = union(self.resolver(items).targets()?);
        // The flag files are ours: the configuration covers them.
        let known = |p: &PathBuf| r.whole.contains(p) || p.starts_with(&r.stage.private);
        add(Class::Targets, &mut named.into_iter().filter(|p| !known(p)));
        Ok(())
    }

    /// Whether what git answers may have gone into the products: a makefile or a script asks it.
    fn asks_git(&self, items: &[Item]) -> bool {
        let r = self.request;
        items.iter().filter(|i| may_run_git(&i.rel)).any(|item| {
            let text = fs::read(r.stage.source_of(item)).unwrap_or_default();
            text.windows(4)
                .any(|w| w[..3] == *b"git" && !w[3].is_ascii_alphanumeric())
        })
    }
}

fn may_run_git(rel: &Path) -> bool {
    let script = rel.extension().and_then(|e| e.to_str());
    is_makefile(rel) || matches!(script, None | Some("sh" | "py" | "pl" | "mak" | "in"))
}
