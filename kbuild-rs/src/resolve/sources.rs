//! The sources of a build: listed files, or a module tree.

use std::path::{Path, PathBuf};

use super::declared::Layout;
use super::{Context, Resolved};
use crate::Result;
use crate::settings::{Module, Tree};
use crate::stage::{CarriedFolders, Item, Scan, patterns};
use crate::syntax::response_file;

/// The source of the staged items.
#[derive(Debug)]
pub(crate) enum Sources {
    Declared(Layout),
    Tree {
        tree: Tree,
        root: PathBuf,
        dir: PathBuf,
        excludes: Vec<glob::Pattern>,
    },
}

/// Generated files: the place and the text of each.
pub(super) type Files = Vec<(PathBuf, Vec<u8>)>;
/// Folders of the stage, and the source folders for which they stand.
pub(super) type Pairs = Vec<(PathBuf, PathBuf)>;

impl Sources {
    /// Resolves the sources: the generated files for them, and the pairs of folders.
    pub(super) fn of(
        context: &Context<'_>,
        links: &mut CarriedFolders,
    ) -> Result<(Sources, Files, Pairs)> {
        let Context { settings, site, .. } = context;
        let (stage, flags_dir) = (&site.stage, site.flags_dir());
        let mut files = Files::new();
        match &settings.module {
            Module::Declared(declared) => {
                let layout = Layout::new(declared, context, links)?;
                files.push((stage.dir.join("Kbuild"), layout.kbuild.clone().into_bytes()));
                files.extend(layout.commands.iter().map(|c| (c.clone(), Vec::new())));
                for (name, args) in &layout.flags {
                    files.push((flags_dir.join(name), response_file(args)));
                }
                let pairs = layout.pairs.clone();
                Ok((Sources::Declared(layout), files, pairs))
            }
            Module::Tree(tree) => {
                let mut pairs = vec![(stage.dir.clone(), site.root.clone())];
                pairs.extend(site.above.as_ref().and_then(|above| above.pair(stage)));
                if !settings.flags.is_empty() {
                    for (name, args) in settings.flags.files()? {
                        files.push((flags_dir.join(name), response_file(&args)));
                    }
                }
                let sources = Sources::Tree {
                    tree: tree.clone(),
                    excludes: patterns(&tree.excludes)?,
                    root: site.root.clone(),
                    dir: site.dir.clone().unwrap_or_else(|| site.root.clone()),
                };
                Ok((sources, files, pairs))
            }
        }
    }

    /// The module folder of a module tree.
    pub(crate) fn dir(&self) -> Option<&Path> {
        match self {
            Sources::Tree { dir, .. } => Some(dir),
            Sources::Declared(_) => None,
        }
    }

    /// The items to stage, as their sources are now.
    pub(super) fn items(&self, resolved: &Resolved) -> Result<Vec<Item>> {
        let (stage, kernel) = (&resolved.stage, resolved.kernel());
        match self {
            Sources::Declared(layout) => {
                let mut items = layout.items.clone();
                items.iter_mut().try_for_each(|item| stage.look(item))?;
                Ok(items)
            }
            Sources::Tree { root, excludes, .. } => Scan {
                root,
                out: &resolved.out,
                kernel_dirs: &[kernel.dir(), kernel.source_dir()],
                excludes,
                is_built: &|rel| {
                    let folder = stage.folder(rel);
                    folder == resolved.folder || folder.join("record").exists()
                },
                git: &resolved.repositories.places,
            }
            .items(),
        }
    }
}
