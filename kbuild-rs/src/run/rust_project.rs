//! What a build leaves beside its products for rust-analyzer.

use std::ffi::OsStr;
use std::path::Path;

use crate::build::request::Sources;
use crate::build::run::Run;
use crate::prerequisites::working_dir;
use crate::stage::{RUST_ENTRIES, RUST_PROJECT};
use crate::{Result, rust_project};

impl Run<'_> {
    /// Whether there is Rust, and nothing or not all is written of it.
    pub(in crate::build) fn lacks_rust_project(&self) -> bool {
        let own = self.request.folder.join(RUST_ENTRIES);
        let nothing = self.rustc().is_some() && !own.exists();
        nothing || self.is_missing(RUST_ENTRIES, RUST_PROJECT)
    }

    fn rustc(&self) -> Option<&OsStr> {
        let mut variables = self.request.make.variables.iter();
        let (_, rustc) = variables.find(|(name, _)| name == "RUSTC")?;
        Some(rustc)
    }

    /// `OUT/rust-project.json`, where there is Rust.
    pub(in crate::build) fn write_rust_project(&self) -> Result<()> {
        let r = self.request;
        let own = r.folder.join(RUST_ENTRIES);
        match self.rustc() {
            None => drop(self.writer.remove_file(&own)?),
            Some(rustc) => {
                let crates = rust_project::Crates::of(&r.kernel, Path::new(rustc));
                let dir = &r.make.module_dir;
                let bound = match &r.sources {
                    Sources::Declared(layout) => layout.rust.bound.iter(),
                    Sources::Tree { .. } => [].iter(),
                };
                let (mut env, mut files) = (Vec::new(), Vec::new());
                for one in bound {
                    env.push((one.variable.clone(), one.file.clone()));
                    files.push(one.file.clone());
                }
                let given = self.build.env.iter();
                env.extend(given.map(|(n, v)| (n.to_string_lossy().into(), v.into())));
                let compiled = (&**dir, &*working_dir(&r.kernel, dir), &r.map);
                let flags = r.folder.join("flags/rs");
                let roots = (&*super::roots(&r.sources), &*flags);
                let text = rust_project::entries(&crates, compiled, roots, (&env, &files))?;
                self.writer.write_if_changed(&own, text.as_bytes())?;
            }
        }
        rust_project::publish(self.writer, &own, &r.stage.shared, &r.out)
    }
}
