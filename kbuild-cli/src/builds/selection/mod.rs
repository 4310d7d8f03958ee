//! The builds that a call asks for: each module tree (or the declared module) for each kernel.

mod kernels;
mod sources;

use std::ffi::OsString;
use std::path::PathBuf;

use super::out_dir::{OutDir, check_no_link};
use crate::args::BuildArgs;
use crate::ui::failure::Failure;
use crate::ui::view::View;

use kernels::{SelectedKernel, SelectedKernels};
use sources::Source;

/// One build.
#[derive(Debug, Clone)]
pub(super) struct SelectedBuild {
    /// The module tree; `None` for a declared module.
    pub(super) tree: Option<PathBuf>,
    /// The kernel, in the library's form; `None` for its default.
    pub(super) kernel_dir: Option<OsString>,
    pub(super) out_dir: PathBuf,
    /// Its place in [`Selection::sources`].
    pub(super) source: usize,
    /// Its place in [`Selection::kernels`].
    pub(super) kernel: usize,
}

/// All builds of a call.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) sources: Vec<Source>,
    pub(super) kernels: Vec<SelectedKernel>,
    /// For each existing kernel, each source, in the given order.
    pub(super) builds: Vec<SelectedBuild>,
    /// The sources whose symbols the others may use, the first before the second.
    providers: Vec<usize>,
}

impl Selection {
    /// The selection, and the reasons why named kernels cannot be used: a missing kernel does not
    /// stop the others.
    pub(super) fn new(args: &BuildArgs, view: &View) -> Result<(Self, Vec<Failure>), Failure> {
        let sources = sources::sources(args)?;
        let providers = sources::providers(args, &sources)?;
        let SelectedKernels { kernels, missing } = kernels::kernels(args, sources.len(), view)?;
        let out_dir = OutDir::path(args.products.out_dir.as_deref());
        let folder_each = kernels.len() > 1 || args.kernel.all_kernels;
        let mut builds = Vec::new();
        for (k, kernel) in kernels.iter().enumerate() {
            if kernel.is_missing {
                continue;
            }
            let out_dir = match folder_each {
                true => out_dir.join(&kernel.name),
                false => out_dir.to_owned(),
            };
            if folder_each {
                check_no_link(&out_dir)?;
            }
            for (s, source) in sources.iter().enumerate() {
                builds.push(SelectedBuild {
                    tree: source.tree.clone(),
                    kernel_dir: kernel.dir.clone(),
                    out_dir: out_dir.clone(),
                    source: s,
                    kernel: k,
                });
            }
        }
        let selection = Selection {
            sources,
            kernels,
            builds,
            providers,
        };
        Ok((selection, missing))
    }

    /// The builds whose symbols a build may use.
    pub(super) fn providers_of(&self, build: &SelectedBuild) -> impl Iterator<Item = usize> + '_ {
        let (source, kernel) = (build.source, build.kernel);
        let providers = self.providers.iter().take_while(move |&&p| p != source);
        providers.filter_map(move |&provider| {
            let is_it = |other: &SelectedBuild| other.source == provider && other.kernel == kernel;
            self.builds.iter().position(is_it)
        })
    }

    /// Whether the call is for one build, so that messages need not name it.
    pub(super) fn is_one(&self) -> bool {
        self.kernels.len() == 1 && self.sources.len() == 1
    }

    /// The release, if there are several.
    pub(super) fn release(&self, build: &SelectedBuild) -> Option<&str> {
        (self.kernels.len() > 1).then(|| &*self.kernels[build.kernel].name)
    }

    /// The tree or module as the caller named it, if there are several.
    pub(super) fn source(&self, build: &SelectedBuild) -> Option<&str> {
        (self.sources.len() > 1).then(|| &*self.sources[build.source].named)
    }

    /// The name of a build beside the others: "ring for 6.1.0-56-amd64".
    pub(super) fn label(&self, build: &SelectedBuild) -> String {
        let source = &self.sources[build.source].name;
        let kernel = &self.kernels[build.kernel].name;
        match (self.source(build), self.release(build)) {
            (Some(_), None) => source.clone(),
            _ => format!("{source} for {kernel}"),
        }
    }
}
