//! The new files of a transaction, written beside their places.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::places::Places;
use super::select::Source;
use super::store::Store;
use crate::module::finish::Finish;
use crate::sys::tree::{part_of, sha256};
use crate::sys::{Looks, Tree};
use crate::{Error, Result};

/// Where the bytes of a new file come from.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Text of ours.
    Bytes(Vec<u8>),
    /// A file that was kept.
    Kept(Looks),
    /// A built module.
    Module {
        source: Source,
        finish: Arc<Finish>,
        /// Whether the installed file may be the built one itself.
        is_hard_link: bool,
    },
}

/// Writes the files, `jobs` at once; their looks by their paths.
pub(super) fn make_parts(
    places: &Places,
    store: &Store,
    contents: Vec<(String, Content)>,
    jobs: usize,
) -> Result<BTreeMap<String, Looks>> {
    let made = super::workers::map(contents, jobs, &|(path, content)| {
        let (tree, rel) = places.existing(&path)?;
        let looks = content.write(store, tree, rel)?;
        Ok((path, looks))
    })?;
    Ok(made.into_iter().collect())
}

impl Content {
    fn write(&self, store: &Store, tree: &Tree, rel: &Path) -> Result<Looks> {
        let part = part_of(rel);
        match self {
            Content::Bytes(bytes) => write(tree, rel, &part, bytes),
            Content::Kept(looks) => {
                store.bring_back(looks, tree, &part)?;
                let there = tree.look(&part)?;
                there.ok_or_else(|| super::conflict::changed_meanwhile(&tree.shown(rel)))
            }
            Content::Module {
                source,
                finish,
                is_hard_link,
            } => {
                let bytes = source.read_again()?;
                let finished = finish.apply(&bytes, &source.name)?;
                if *is_hard_link && finished == bytes && source.link_to(tree, &part) {
                    let there = tree.look(&part)?;
                    let same = there.filter(|there| there.sha256 == source.facts.sha256);
                    return same.ok_or_else(|| source.changed());
                }
                write(tree, rel, &part, &finished)
            }
        }
    }
}

fn write(tree: &Tree, rel: &Path, part: &Path, bytes: &[u8]) -> Result<Looks> {
    let file = tree.write_new(part, bytes)?;
    let failed = |e| Error::reading("read", &tree.shown(rel), e);
    let looks = Looks::of_file(&file, sha256(bytes)).map_err(failed)?;
    // A copy that a bad disk or a full one changed must not get a name.
    match tree.read(part)?.is_some_and(|there| there == bytes) {
        true => Ok(looks),
        false => Err(super::conflict::changed_meanwhile(&tree.shown(part))),
    }
}
