//! What `Install`, `Uninstall` and `Rollback` have in common.

use std::path::PathBuf;

use super::afterwards;
use super::journal::State;
use super::opening::open;
use super::releases::Wanted;
use super::report::InstallReport;
use super::site::Site;
use super::transaction::{Draft, How, Transaction};
use crate::Result;

/// The root and the kernels of a change, and what happens besides the change of the files.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) wanted: Wanted,
    pub(super) root: PathBuf,
    pub(super) runs_depmod: bool,
    pub(super) builds_initramfs: bool,
    pub(super) is_dry_run: bool,
}

impl Default for Scope {
    /// All kernels of the running system.
    fn default() -> Scope {
        Scope {
            wanted: Wanted::default(),
            root: PathBuf::from("/"),
            runs_depmod: true,
            builds_initramfs: false,
            is_dry_run: false,
        }
    }
}

impl Scope {
    /// Opens the root to change it. With `makes`, a missing one is created.
    pub(super) fn open(&self, makes: bool, say: &dyn Fn(&str)) -> Result<Site> {
        open(&self.root, self.is_dry_run, makes, say)
    }

    /// Changes the files of a release, and adds the results to the report. A dry run changes nothing.
    pub(super) fn change(
        &self,
        site: &mut Site,
        (release, from): (&str, &State),
        draft: Draft,
        how: How,
        report: &mut InstallReport,
    ) -> Result<()> {
        if self.is_dry_run {
            return Ok(());
        }
        let transaction = Transaction {
            site,
            release,
            from,
            how: How {
                runs_depmod: self.runs_depmod,
                ..how
            },
        };
        if let Some(remarks) = transaction.run(draft)? {
            report.indexed.push(release.to_owned());
            report.notes.extend(remarks);
        }
        let builds = self.builds_initramfs;
        afterwards::initramfs(site, release, &report.changes, builds, &mut report.notes)
    }
}
