//! Reports modules in the output directory that changed since the last build.

use crate::run::Run;
use crate::run::record::{Record, Stale};

impl Run<'_> {
    /// Names the modules that are only built again because somebody signed or stripped them in the
    /// output directory. (After an edit, users expect a new module.)
    pub(crate) fn tell_of_replaced(&self, record: &Record, stale: &Stale) {
        if *stale != Stale::default() {
            return;
        }
        let modules = record.products.iter().filter(|p| p.module.is_some());
        let changed = modules.filter(|p| p.path.is_file() && !p.is_whole());
        let names: Vec<_> = changed.map(|p| p.path.display().to_string()).collect();
        if names.is_empty() {
            return;
        }
        self.resolved.sink.note(&format!(
            "{} changed after the last build (signed or stripped?), and this build replaces it. Sign \
             or strip a copy, or repeat that after each build",
            names.join(", ")
        ));
    }
}
