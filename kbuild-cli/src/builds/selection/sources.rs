//! The module trees of a call, or its declared module.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::args::BuildArgs;
use crate::ui::failure::Failure;

/// A module tree, or the declared module.
#[derive(Debug)]
pub(crate) struct Source {
    /// The caller's name for it.
    pub(crate) named: String,
    /// The name for messages: the module, or the folder of the tree. No two trees have the same
    /// name.
    pub(crate) name: String,
    /// `None` for a declared module.
    pub(crate) tree: Option<PathBuf>,
}

pub(super) fn sources(args: &BuildArgs) -> Result<Vec<Source>, Failure> {
    if let Some(name) = &args.declared.name {
        return Ok(vec![Source {
            named: name.clone(),
            name: name.clone(),
            tree: None,
        }]);
    }
    let trees: &[PathBuf] = match args.inputs.as_slice() {
        [] => &[PathBuf::from(".")],
        trees => trees,
    };
    // Products get the folder's name, and are beside those of the other trees.
    let mut folders: Vec<(OsString, &Path)> = Vec::new();
    for tree in trees {
        let real = tree.canonicalize().unwrap_or_else(|_| tree.clone());
        let name = real.file_name().unwrap_or(OsStr::new("/")).to_owned();
        if let Some((_, other)) = folders.iter().find(|(n, _)| *n == name) {
            return Err(Failure::wrong_call(format!(
                "{} and {} have the same folder name, so both would write {}.symvers. Build one at \
                 a time, each with its own --out-dir",
                other.display(),
                tree.display(),
                Path::new(&name).display()
            )));
        }
        folders.push((name, tree));
    }
    let source = |(name, tree): (OsString, &Path)| Source {
        named: tree.display().to_string(),
        name: Path::new(&name).display().to_string(),
        tree: Some(tree.to_owned()),
    };
    Ok(folders.into_iter().map(source).collect())
}

/// The module trees among those of this call that `--symvers` names.
pub(super) fn providers(args: &BuildArgs, sources: &[Source]) -> Result<Vec<usize>, Failure> {
    let real = |path: &Path| path.canonicalize().ok();
    let mut providers = Vec::new();
    for dir in args.common.symvers.iter().filter(|path| path.is_dir()) {
        let is_it = |source: &Source| {
            let tree = source.tree.as_deref().and_then(real);
            tree.is_some() && tree == real(dir)
        };
        let provider = sources.iter().position(is_it).ok_or_else(|| {
            Failure::wrong_call(format!(
                "--symvers {} names a folder that is not one of the module trees to build: build \
                 it in the same call, or name the symvers file that its build wrote",
                dir.display()
            ))
        })?;
        providers.push(provider);
    }
    Ok(providers)
}
