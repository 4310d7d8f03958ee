//! The kernels that modules are installed for.

use std::collections::BTreeSet;
use std::path::Path;

use super::places::modules_folder;
use super::select::Source;
use super::site::Site;
use crate::kernel::Kernel;
use crate::sys::Tree;
use crate::{Error, ErrorKind, Result};

/// The kernels that a call names.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// Releases, or paths of kernel trees.
    pub(super) named: Vec<String>,
    pub(super) all: bool,
}

/// A release is the name of a folder and of files.
pub(super) fn check_name(release: &str) -> Result<()> {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '/';
    let is_name = (1..=128).contains(&release.len())
        && !release.starts_with(['.', '-'])
        && !release.ends_with(".pending")
        && release.chars().all(is_plain);
    match is_name {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{release:?} is not a kernel release"),
        )),
    }
}

/// The release that the user means by a release, or by the path of a kernel tree.
fn resolve(named: &str) -> Result<String> {
    if named.contains('/') {
        return Ok(Kernel::open(named)?.release().to_owned());
    }
    check_name(named)?;
    Ok(named.to_owned())
}

impl Wanted {
    /// The releases that are named.
    pub(super) fn resolved(&self) -> Result<BTreeSet<String>> {
        self.named.iter().map(|named| resolve(named)).collect()
    }

    /// The kernel tree that is named for a release.
    pub(super) fn tree(&self, release: &str) -> Result<Option<Kernel>> {
        for named in self.named.iter().filter(|named| named.contains('/')) {
            let tree = Kernel::open(named)?;
            if tree.release() == release {
                return Ok(Some(tree));
            }
        }
        Ok(None)
    }

    /// The releases to install for. `notes` gets those that are skipped.
    pub(super) fn choose(
        &self,
        site: &Site,
        sources: &[Source],
        notes: &mut Vec<String>,
    ) -> Result<Vec<String>> {
        let built: BTreeSet<&str> = sources
            .iter()
            .map(|source| &*source.facts.release)
            .collect();
        let named = self.resolved()?;
        for release in &named {
            if !built.contains(release.as_str()) {
                return Err(not_built(release, &built));
            }
        }
        let is_wanted = |release: &&str| named.is_empty() || named.contains(*release);
        let mut missing = Vec::new();
        let mut chosen = Vec::new();
        for release in built.iter().copied().filter(is_wanted) {
            match self.is_there(site, release)? {
                true => chosen.push(release.to_owned()),
                false => missing.push(release),
            }
        }
        if self.all {
            let others = installed(site)?;
            let others = others
                .iter()
                .filter(|other| !built.contains(other.as_str()));
            notes.extend(others.map(|other| format!("no module was built for {other}")));
        }
        if chosen.is_empty() || (!missing.is_empty() && !named.is_empty()) {
            return Err(not_installed(site, &missing));
        }
        let skipped = |release| {
            let folder = site.image.shown(Path::new(&modules_folder(release)));
            format!(
                "the modules for {release} are skipped: {} does not exist",
                folder.display()
            )
        };
        notes.extend(missing.into_iter().map(skipped));
        Ok(chosen)
    }

    /// Whether the kernel is in the root. Another root than the running system may be a folder that
    /// is filled for a package.
    fn is_there(&self, site: &Site, release: &str) -> Result<bool> {
        let folder = modules_folder(release);
        let folder = site.image.folder(Path::new(&folder))?.map(Tree::of);
        Ok(match (folder, self.all) {
            (Some(folder), true) => folder.kind(Path::new("modules.dep"))?.is_some(),
            (folder, false) => folder.is_some() || !site.is_running_system(),
            (None, true) => false,
        })
    }
}

/// The kernels of the root: folders with `modules.dep`.
fn installed(site: &Site) -> Result<Vec<String>> {
    let Some(modules) = site.image.folder(Path::new("lib/modules"))?.map(Tree::of) else {
        return Ok(Vec::new());
    };
    let mut releases = Vec::new();
    for name in modules.names(Path::new(""))? {
        let dep = Path::new(&name).join("modules.dep");
        if let (Some(name), Ok(Some(_))) = (name.to_str(), modules.kind(&dep)) {
            releases.push(name.to_owned());
        }
    }
    releases.sort();
    Ok(releases)
}

fn list<'a>(releases: impl IntoIterator<Item = &'a str>) -> String {
    let releases: Vec<&str> = releases.into_iter().collect();
    releases.join(", ")
}

fn not_built(release: &str, built: &BTreeSet<&str>) -> Error {
    Error::input(format!(
        "no module was built for {release}; the modules are for {}. Build for it first:\n    \
         kbuild-rs build --kernel {}",
        list(built.iter().copied()),
        crate::syntax::shell_quote(release.as_ref())
    ))
}

fn not_installed(site: &Site, missing: &[&str]) -> Error {
    let releases = list(missing.iter().copied());
    Error::new(
        ErrorKind::KernelNotFound,
        format!(
            "{} has no kernel {releases}, for which the modules were built. Install that kernel, build \
             for another one, or install into a folder:\n    kbuild-rs install --root DIR",
            site.image.shown(Path::new("lib/modules")).display()
        ),
    )
}
