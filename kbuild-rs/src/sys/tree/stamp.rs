//! The stamp of a file: as long as it is the same, so are the file's bytes and its looks.

use std::path::Path;
use std::time::Duration;

use super::Tree;
use crate::Result;
use crate::sys::Identity;

/// Where a file is, its size and its times. A write, another mode, another owner and another name
/// change `ctime`, which nobody can set back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    identity: Identity,
}

impl Stamp {
    /// The stamp as text, to be compared with another one.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{} ", self.device);
        self.identity.write_metadata(&mut text);
        text
    }

    /// Whether a change after `start` gives the file another stamp. `start` is a time at least one
    /// tick of the clock before the file was read.
    pub(crate) fn is_settled(&self, start: Duration) -> bool {
        self.identity.is_settled(start)
    }
}

impl Tree {
    /// The stamp of the file or link `rel`; `None` if nothing is there.
    pub(crate) fn stamp(&self, rel: &Path) -> Result<Option<Stamp>> {
        let stat = self.stat(rel)?;
        Ok(stat.map(|stat| Stamp {
            device: stat.st_dev,
            identity: Identity::from_stat(&stat),
        }))
    }
}
