//! Modules of the kernel itself that an image needs and does not have: they come with ours.

use std::path::{Path, PathBuf};

use super::journal::{Entry, Module, State};
use super::parts::Content;
use super::places::{Places, modules_folder};
use super::plan::{Plan, unknown};
use super::read_back::{kernel_name, name_of};
use super::report::{InstallAction, InstallChange};
use super::select::Source;
use super::site::Site;
use crate::Result;
use crate::module::closure::{InTree, KernelModules, Need, without_package};
use crate::sys::tree::sha256;

/// How such a file was finished: not at all, since the kernel's package has it like that.
const AS_IT_IS: &str = "of the kernel";

/// Adds to the plan each module of the kernel that `sources` need and the root lacks. `folder` has the
/// kernel's modules. The result is a remark about the modules that no package of the root contains.
pub(super) fn add(
    plan: &mut Plan,
    (site, places): (&Site, &Places),
    sources: &[Source],
    folder: &Path,
) -> Result<Option<String>> {
    let needs = sources.iter().map(|source| Need {
        name: &source.name,
        depends: &source.facts.depends,
    });
    let needs: Vec<Need<'_>> = needs.collect();
    let release = &places.release;
    let kernel = KernelModules::open(folder, release)?;
    let there = KernelModules::in_root(&site.image, release)?;
    for module in kernel.closure(&needs)? {
        let path = format!("{}/{}", modules_folder(release), module.path.display());
        let own = owner(&plan.draft.state, &module.name);
        if own.as_ref().is_some_and(|own| *own != path) {
            continue;
        }
        if own.is_none() && there.as_ref().is_some_and(|there| there.has(&module.name)) {
            continue;
        }
        put(plan, places, &path, module, folder);
    }
    remark(site, release, &plan.draft.state)
}

/// The path of a module of ours.
fn owner(state: &State, name: &str) -> Option<String> {
    let mut modules = state.modules();
    let found = modules.find(|(_, _, module)| kernel_name(&module.name) == name);
    found.map(|(path, ..)| path.clone())
}

fn put(plan: &mut Plan, places: &Places, path: &str, module: InTree, folder: &Path) {
    let source = sha256(&module.bytes);
    let old = plan.draft.state.files.get(path);
    let old = old.and_then(|entry| entry.module.as_ref());
    let action = match old {
        Some(old) if old.source == source => InstallAction::Unchanged,
        Some(_) => InstallAction::Updated,
        None => InstallAction::Installed,
    };
    // The name of the file, as journals have it.
    let file = module
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let stem = file.split(".ko").next().unwrap_or_default().to_owned();
    plan.changes.push(InstallChange {
        action,
        name: stem.clone(),
        release: places.release.clone(),
        path: places.shown(path),
    });
    if action == InstallAction::Unchanged {
        return;
    }
    let entry = Entry {
        looks: unknown(),
        module: Some(Module {
            name: stem,
            depends: module.depends,
            version: None,
            origin: folder.join(path).to_string_lossy().into_owned(),
            source,
            fingerprint: AS_IT_IS.to_owned(),
            load: false,
            is_override: false,
        }),
    };
    plan.draft.state.files.insert(path.to_owned(), entry);
    let content = Content::Bytes(module.bytes);
    plan.draft.contents.insert(path.to_owned(), content);
}

fn remark(site: &Site, release: &str, state: &State) -> Result<Option<String>> {
    let folder = modules_folder(release);
    let paths = state.modules().filter_map(|(path, ..)| {
        let rel = path.strip_prefix(&folder)?.strip_prefix('/')?;
        name_of(rel).map(|_| PathBuf::from(rel))
    });
    let paths: Vec<PathBuf> = paths.collect();
    // A root without a database of packages has no file of a package.
    let left = without_package(&site.image, release, &paths)?.unwrap_or(paths);
    if left.is_empty() {
        return Ok(None);
    }
    let lines = left.iter().map(|path| format!("\n    {}", path.display()));
    Ok(Some(format!(
        "no package in {} contains these modules of {release}:{}",
        site.image.path().display(),
        lines.collect::<String>()
    )))
}
