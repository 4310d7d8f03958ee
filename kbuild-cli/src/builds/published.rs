//! The files that the builds of a call have published.

use std::path::{Path, PathBuf};

use kbuild::{Artifact, Report};

use crate::ui::failure::Failure;

/// The products of a build, relative to the output directory as the caller named it, because a tool
/// that reads the depfile compares text.
pub(super) fn paths(report: &Report, out_dir: &Path) -> Vec<PathBuf> {
    let modules = report.modules().iter().map(Artifact::path);
    let others = report.products().iter().chain(report.targets());
    modules
        .chain(others.map(PathBuf::as_path))
        .map(|path| match path.strip_prefix(report.out_dir()) {
            Ok(below) => out_dir.join(below),
            Err(_) => path.to_owned(),
        })
        .collect()
}

/// The products of all builds so far, because two builds must not write one file.
#[derive(Default)]
pub(super) struct Published(Vec<PathBuf>);

impl Published {
    pub(super) fn add(&mut self, report: &Report) -> Result<(), Failure> {
        let modules = report.modules().iter().map(Artifact::path);
        let products = report.products().iter().map(PathBuf::as_path);
        let paths: Vec<PathBuf> = modules.chain(products).map(Path::to_owned).collect();
        if let Some(path) = paths.iter().find(|path| self.0.contains(path)) {
            return Err(Failure::wrong_call(format!(
                "two of these builds write {}, and the last one replaced the file of the other. \
                 Give each its own --out-dir",
                path.display()
            )));
        }
        self.0.extend(paths);
        Ok(())
    }
}
