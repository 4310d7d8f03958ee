//! Decides whether there is anything to do: compares the record of the last build with the files of
//! today.
//!
//! kbuild-rs does not rely on make to notice changes: a package upgrade installs headers with *old*
//! mtimes, so make compiles nothing; and make does not know the compiler, the environment, or a
//! provider's symvers. So the identity of every prerequisite is recorded, and outputs of a changed
//! one are deleted before make starts.
//!
//! After a change of flags, environment, compiler or kernel, the build starts from scratch: it
//! differs from release to release which of these changes kbuild itself would notice.

mod inputs;
pub(crate) mod prerequisites;
pub(crate) mod salted;
pub(crate) mod settled;
#[cfg(test)]
mod tests;
mod text;

use std::path::{Path, PathBuf};

use crate::sys::{Identity, boot_id, content_hash};
use crate::{Error, Result};
use salted::Salted;

/// The consequence of a prerequisite's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Everything is made anew: the kernel tree, the compiler.
    Whole,
    /// The targets whose `.cmd` names it: a header, a source.
    Targets,
    /// modpost runs again: a provider's symvers.
    Symvers,
    /// make is asked again: what git answers.
    Make,
    /// A makefile: make runs again, and files of the tree's own rules are not trusted.
    Makefile,
}

/// A file the products depend on.
#[derive(Debug, Clone)]
pub(crate) struct Prerequisite {
    pub(crate) class: Class,
    pub(crate) path: PathBuf,
    /// `None`: it changed while make ran, what was compiled is not known.
    pub(crate) id: Option<Identity>,
}

/// A file that was published into the output directory.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    /// The name of the module that the file is, if it is one.
    pub(crate) module: Option<String>,
    pub(crate) path: PathBuf,
    pub(crate) id: Identity,
    /// The hash of its content.
    pub(crate) content: u64,
}

impl Product {
    /// The current state of `path`.
    pub(crate) fn at(path: &Path, module: Option<&str>) -> Result<Product> {
        let failed = |e| Error::reading("read", path, e);
        Ok(Product {
            module: module.map(str::to_owned),
            id: Identity::of_entry(path).map_err(failed)?,
            content: content_hash(path).map_err(failed)?,
            path: path.to_owned(),
        })
    }

    /// Whether it still exists and was not replaced.
    pub(crate) fn is_there(&self) -> bool {
        Identity::of_entry(&self.path).is_ok_and(|now| now.same_metadata(&self.id))
    }

    /// Whether the file is still the published one.
    pub(crate) fn is_whole(&self) -> bool {
        content_hash(&self.path).is_ok_and(|now| now == self.content)
    }
}

/// A target in the stage and one of its prerequisites, as a rule of make's names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Relative to the stage; `None` if it is not a product there.
    pub(crate) target: Option<PathBuf>,
    /// The source, or a file elsewhere.
    pub(crate) prerequisite: PathBuf,
}

/// The last build of one module folder, and its inputs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// Every flag, variable and environment entry: any difference means a build from nothing.
    pub(crate) config: Salted,
    /// When the machine was started that wrote this.
    pub(crate) boot: String,
    /// Whether make succeeded.
    pub(crate) succeeded: bool,
    pub(crate) prerequisites: Vec<Prerequisite>,
    pub(crate) products: Vec<Product>,
    /// Files beside the modules that the caller asks for.
    pub(crate) others: Vec<Product>,
    /// The files that [`Build::target`](crate::Build::target) has put there so far.
    pub(crate) targets: Vec<Product>,
    /// The rules that ran, as make itself wrote them down.
    pub(crate) rules: Vec<Rule>,
    /// The files that this folder's build made elsewhere in the stage (`../common/x.o`), relative
    /// to it.
    pub(crate) elsewhere: Vec<PathBuf>,
}

/// The work that is needed before make's own checks are enough.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stale {
    /// Set if nothing that was built may be kept.
    pub(crate) from_nothing: Option<Reason>,
    /// Prerequisites that changed: their targets go.
    pub(crate) changed: Vec<PathBuf>,
    /// Whether modpost must run again.
    pub(crate) modpost: bool,
    /// A makefile that changed.
    pub(crate) makefile: Option<PathBuf>,
}

/// The reason why no built file may be kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Nothing was built, or the user was told.
    Known,
    /// The user is told this.
    Tell(String),
}

impl Stale {
    /// Nothing may be kept, and there is nothing to tell.
    pub(crate) fn all() -> Self {
        Stale {
            from_nothing: Some(Reason::Known),
            ..Stale::default()
        }
    }
}

impl Record {
    /// Compares with the world; `None` means that nothing has to be done.
    pub(crate) fn check(&self, config: &[Vec<u8>]) -> Option<Stale> {
        let mut stale = Stale::default();
        let mut anything = !self.succeeded;
        if let Some(difference) = self.config.difference(config) {
            stale.from_nothing = Some(Reason::Tell(difference));
            return Some(stale);
        }
        for p in &self.prerequisites {
            // modpost always writes a symvers again.
            let same = |id: &Identity| match p.class {
                Class::Symvers => id.holds_at(&p.path),
                _ => id.matches(&p.path),
            };
            if p.id.as_ref().is_some_and(same) {
                continue;
            }
            anything = true;
            match p.class {
                Class::Whole => {
                    let why = format!("{} changed", p.path.display());
                    stale.from_nothing = Some(Reason::Tell(why));
                    return Some(stale);
                }
                Class::Targets => {
                    stale.changed.push(p.path.clone());
                }
                Class::Symvers => stale.modpost = true,
                Class::Make => {}
                Class::Makefile => stale.makefile = Some(p.path.clone()),
            }
        }
        // A file system that lost power may have kept a file's name and size, and not its bytes.
        let is_whole = |p: &Product| p.is_there() && (!self.is_of_another_boot() || p.is_whole());
        anything |= !self.products.iter().chain(&self.others).all(is_whole);
        anything.then_some(stale)
    }

    /// Whether this is a rule whose target was made from its prerequisite's present content.
    pub(crate) fn has_seen(&self, rule: &Rule) -> bool {
        let is_same = |p: &Prerequisite| p.id.as_ref().is_some_and(|id| id.matches(&p.path));
        let mut known = self.prerequisites.iter();
        self.rules.contains(rule) && known.any(|p| p.path == rule.prerequisite && is_same(p))
    }

    /// Whether the machine was started again since the record was written.
    pub(crate) fn is_of_another_boot(&self) -> bool {
        self.boot != boot_id()
    }
}

/// A symvers, by the content that modpost read: of itself, or of the copy that it was told of.
pub(crate) fn seen_symvers(path: PathBuf, read: &Path) -> Option<Prerequisite> {
    let id = Some(Identity::of_content(&path, read).ok()?);
    let class = Class::Symvers;
    Some(Prerequisite { class, path, id })
}
