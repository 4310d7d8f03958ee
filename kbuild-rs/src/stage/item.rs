//! One thing to stage.

use std::path::PathBuf;

use crate::sys::Identity;

/// One item to stage: a path below the stage, and its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) rel: PathBuf,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Dir,
    /// A symbolic link with this target.
    Link(PathBuf),
    /// A copy. `from` is set if it is not `root/rel`.
    File {
        from: Option<PathBuf>,
        id: Identity,
    },
}

impl Item {
    pub(crate) fn new(rel: PathBuf, kind: Kind) -> Self {
        Item { rel, kind }
    }
}

/// Sorts items by path, because they are compared and searched in that order.
pub(crate) fn sort_items(items: &mut [Item]) {
    items.sort_unstable_by(|a, b| a.rel.as_os_str().cmp(b.rel.as_os_str()));
}
