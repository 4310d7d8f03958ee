//! The folders of a root that kbuild-rs installs to, for one release.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::Error;
use crate::sys::{Image, Looks, Tree};

pub(super) const DEPMOD_D: &str = "etc/depmod.d";
pub(super) const MODULES_LOAD_D: &str = "etc/modules-load.d";

/// The folders, as far as they exist.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) release: String,
    root: PathBuf,
    modules: Option<Tree>,
    depmod_d: Option<Tree>,
    modules_load_d: Option<Tree>,
}

/// One of the three folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Modules,
    DepmodD,
    ModulesLoadD,
}

/// `lib/modules/<release>`
pub(super) fn modules_folder(release: &str) -> String {
    format!("lib/modules/{release}")
}

/// The folder of a path in the root, and the path below it; `None` for all other paths.
pub(super) fn split<'a>(path: &'a str, release: &str) -> Option<(Place, &'a Path)> {
    let below = |folder: &str| {
        let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
        (!rest.is_empty()).then(|| Path::new(rest))
    };
    let flat = |folder: &str| below(folder).filter(|rest| rest.components().count() == 1);
    let modules = below(&modules_folder(release)).map(|rest| (Place::Modules, rest));
    modules
        .or_else(|| flat(DEPMOD_D).map(|rest| (Place::DepmodD, rest)))
        .or_else(|| flat(MODULES_LOAD_D).map(|rest| (Place::ModulesLoadD, rest)))
}

/// The folder of a module, below that of the release: `vendor` is `updates/vendor`, and `/extra` is
/// `extra`.
pub(super) fn folder(dir: &Path) -> Result<String> {
    let given = dir.to_str().unwrap_or_default();
    let (above, rest) = match given.strip_prefix('/') {
        Some(rest) => ("", rest),
        None => ("updates/", given),
    };
    if dir.as_os_str().is_empty() {
        return Ok("updates".to_owned());
    }
    let names = rest.split('/').filter(|name| !matches!(*name, "" | "."));
    let names: Vec<&str> = names.collect();
    let is_root = rest.starts_with('/');
    match !is_root && !names.is_empty() && names.iter().all(|name| is_folder_name(name)) {
        true => Ok(format!("{above}{}", names.join("/"))),
        false => Err(Error::input(format!(
            "{:?} is not a folder below lib/modules/RELEASE in which depmod finds modules: give a path \
             of letters, digits, -, _, . and +, such as vendor (below updates/) or /extra",
            dir.display().to_string()
        ))),
    }
}

/// Whether depmod enters a folder of this name, and can write its path to `modules.dep` and read it
/// in `depmod.d`.
fn is_folder_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.+~@=,%".contains(c);
    let is_skipped = ["build", "source"].contains(&name);
    name != ".." && !is_skipped && name.len() <= super::LONGEST_NAME && name.chars().all(is_plain)
}

impl Places {
    /// Opens the folders that exist.
    pub(super) fn open(image: &Image, release: &str) -> Result<Places> {
        let open = |rel: &str| Ok::<_, Error>(image.folder(Path::new(rel))?.map(Tree::of));
        Ok(Places {
            release: release.to_owned(),
            root: image.path().to_owned(),
            modules: open(&modules_folder(release))?,
            depmod_d: open(DEPMOD_D)?,
            modules_load_d: open(MODULES_LOAD_D)?,
        })
    }

    /// The folder of the release; `None` if there is none.
    pub(super) fn modules(&self) -> Option<&Tree> {
        self.modules.as_ref()
    }

    fn tree(&self, place: Place) -> Option<&Tree> {
        let tree = match place {
            Place::Modules => &self.modules,
            Place::DepmodD => &self.depmod_d,
            Place::ModulesLoadD => &self.modules_load_d,
        };
        tree.as_ref()
    }

    /// The folder that holds `path`, and the path below it; `None` if the folder does not exist.
    pub(super) fn find<'a>(&self, path: &'a str) -> Option<(&Tree, &'a Path)> {
        let (place, rel) = split(path, &self.release)?;
        Some((self.tree(place)?, rel))
    }

    /// The same for a path whose folder has to be there.
    pub(super) fn existing<'a>(&self, path: &'a str) -> Result<(&Tree, &'a Path)> {
        self.find(path).ok_or_else(|| {
            let missing = std::io::ErrorKind::NotFound.into();
            Error::writing("write", Path::new(path), missing)
        })
    }

    pub(super) fn look(&self, path: &str) -> Result<Option<Looks>> {
        match self.find(path) {
            None => Ok(None),
            Some((tree, rel)) => tree.look(rel),
        }
    }

    /// The path that people read.
    pub(super) fn shown(&self, path: &str) -> PathBuf {
        match self.find(path) {
            Some((tree, rel)) => tree.shown(rel),
            None => self.root.join(path),
        }
    }
}
