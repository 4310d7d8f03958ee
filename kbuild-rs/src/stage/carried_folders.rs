//! Links to folders outside the stage whose paths kbuild cannot carry.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::syntax::is_carryable;
use crate::sys::Writer;

/// The links in a private folder to folders elsewhere.
#[derive(Debug, Default)]
pub(crate) struct CarriedFolders {
    dir: PathBuf,
    /// The link and its target.
    pairs: Vec<(PathBuf, PathBuf)>,
}

impl CarriedFolders {
    /// Plans links in `dir`; creates nothing.
    pub(crate) fn new(dir: PathBuf) -> Self {
        CarriedFolders {
            dir,
            pairs: Vec::new(),
        }
    }

    /// A path for `folder` that kbuild can carry: its own, or that of a link.
    pub(crate) fn carry(&mut self, folder: &Path) -> PathBuf {
        if is_carryable(folder) {
            return folder.to_owned();
        }
        if let Some((link, _)) = self.pairs.iter().find(|(_, target)| target == folder) {
            return link.clone();
        }
        let link = self.dir.join(self.pairs.len().to_string());
        self.pairs.push((link.clone(), folder.to_owned()));
        link
    }

    /// (link, target)
    pub(crate) fn pairs(&self) -> &[(PathBuf, PathBuf)] {
        &self.pairs
    }

    /// Creates the missing links.
    pub(crate) fn create(&self, writer: &Writer) -> Result<()> {
        if !self.pairs.is_empty() {
            writer.create_dirs(&self.dir)?;
        }
        let mut pairs = self.pairs.iter();
        pairs.try_for_each(|(link, target)| writer.symlink(target, link))
    }
}
