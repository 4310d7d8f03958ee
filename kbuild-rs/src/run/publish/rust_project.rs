//! The file for rust-analyzer beside the products of a build.

use crate::Result;
use crate::editor::rust_project;
use crate::resolve::Sources;
use crate::run::Run;
use crate::run::record::prerequisites::working_dir;
use crate::stage::{RUST_ENTRIES, RUST_PROJECT};

impl Run<'_> {
    /// Whether there is Rust, and its file is missing or incomplete.
    pub(crate) fn lacks_rust_project(&self) -> bool {
        let own = self.resolved.folder.join(RUST_ENTRIES);
        let nothing = self.resolved.target.rustc.is_some() && !own.exists();
        nothing || self.is_missing(RUST_ENTRIES, RUST_PROJECT)
    }

    /// Writes `OUT/rust-project.json` if there is Rust.
    pub(crate) fn write_rust_project(&self) -> Result<()> {
        let r = self.resolved;
        let own = r.folder.join(RUST_ENTRIES);
        match &r.target.rustc {
            None => drop(self.writer.remove_file(&own)?),
            Some(rustc) => {
                let crates = rust_project::Crates::of(r.kernel(), rustc);
                let dir = r.module_dir();
                let bound = match &r.sources {
                    Sources::Declared(layout) => layout.rust.bound.iter(),
                    Sources::Tree { .. } => [].iter(),
                };
                let (mut env, mut files) = (Vec::new(), Vec::new());
                for one in bound {
                    env.push((one.variable.clone(), one.file.clone()));
                    files.push(one.file.clone());
                }
                let given = r.make.given_env.iter();
                env.extend(given.map(|(n, v)| (n.to_string_lossy().into(), v.into())));
                let compiled = (dir, &*working_dir(r.kernel(), dir), &r.make.map);
                let flags = r.folder.join("flags/rs");
                let roots = (&*crate::resolve::roots(&r.sources), &*flags);
                let text = rust_project::entries(&crates, compiled, roots, (&env, &files))?;
                self.writer.write_if_changed(&own, text.as_bytes())?;
            }
        }
        rust_project::publish(self.writer, &own, &r.stage.shared, &r.out)
    }
}
