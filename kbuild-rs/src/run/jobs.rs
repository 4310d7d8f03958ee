//! The tokens of a run. Only this file creates the folder of the pool.

use std::path::Path;

use crate::Result;
use crate::error::Sink;
use crate::jobs::{Jobs, MakeJobs, Slot};
use crate::resolve::SharedJobs;
use crate::stage::make_private_root;
use crate::sys::{Writer, check_folder};

impl SharedJobs {
    /// The token of one make.
    pub(crate) fn slot(&self, sink: &Sink) -> Result<Slot> {
        self.jobs().budget(sink)?.slot(sink)
    }

    /// The arguments for a make without others beside it, for a dry run.
    pub(crate) fn alone(&self, make: &Path, sink: &Sink) -> Result<MakeJobs> {
        self.jobs().alone(make, sink)
    }

    fn jobs(&self) -> Jobs<'_> {
        Jobs {
            is_build_script: self.is_build_script,
            requested: self.requested,
            pool: &self.pool,
            is_named: self.is_named,
            make_folder: match self.is_named {
                true => open_named_folder,
                false => open_pool_folder,
            },
        }
    }
}

/// Opens the private folder that holds a pool, and creates it if it is missing.
fn open_pool_folder(folder: &Path) -> Result<Writer> {
    Ok(Writer::new([make_private_root(folder)?]))
}

/// The same in a folder that the caller named. A user who may change that folder's contents
/// controls how many compilers run, and where our files go.
fn open_named_folder(folder: &Path) -> Result<Writer> {
    folder.parent().map_or(Ok(()), check_folder)?;
    let writer = open_pool_folder(folder)?;
    check_folder(folder).map(|()| writer)
}
