//! What a build leaves beside its products for editors of Rust.

use std::path::Path;

use super::request::Sources;
use super::run::Run;
use crate::files::{remove_file, write_if_changed};
use crate::prerequisites::working_dir;
use crate::{Result, rust_project};

impl Run<'_> {
    /// `OUT/rust-project.json`, where there is Rust.
    pub(super) fn write_rust_project(&self) -> Result<()> {
        let r = self.request;
        let own = r.folder.join(rust_project::ENTRIES);
        let mut variables = r.make.variables.iter();
        match variables.find(|(name, _)| name == "RUSTC") {
            None => remove_file(&own)?,
            Some((_, rustc)) => {
                let crates = rust_project::Crates::of(&r.kernel, Path::new(rustc));
                let dir = &r.make.module_dir;
                let bound = match &r.sources {
                    Sources::Declared(layout) => layout.rust.bound.iter(),
                    Sources::Tree { .. } => [].iter(),
                };
                let bound: Vec<_> = bound
                    .map(|b| (b.variable.clone(), b.file.clone()))
                    .collect();
                let compiled = (&**dir, &*working_dir(&r.kernel, dir), &r.map);
                let text = rust_project::entries(&crates, compiled, &bound)?;
                write_if_changed(&own, text.as_bytes())?;
            }
        }
        rust_project::publish(&own, &r.stage.shared, &r.out)
    }
}
