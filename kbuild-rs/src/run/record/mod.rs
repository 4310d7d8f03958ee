//! Decides whether there is anything to do: compares the record of the last build with the files of
//! today.
//!
//! kbuild-rs does not rely on make to notice changes. A package upgrade installs headers with *old*
//! mtimes, so make compiles nothing. make also does not know the compiler, the environment, or a
//! provider's symvers. So the identity of every prerequisite is recorded, and the outputs of a
//! changed prerequisite are deleted before make starts.
//!
//! After a change of flags, environment, compiler or kernel, the build starts from scratch, because
//! each kernel release notices different changes of these.

mod inputs;
pub(crate) mod prerequisites;
pub(crate) mod salted;
pub(crate) mod settled;
#[cfg(test)]
mod tests;
pub(super) mod text;

use std::path::{Path, PathBuf};

use crate::sys::{Identity, boot_id, content_hash};
use crate::{Error, Result};
use salted::Salted;

/// The consequence of a prerequisite's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Everything is rebuilt: the kernel tree or the compiler changed.
    Whole,
    /// The targets are rebuilt whose `.cmd` names the file: a header, a source.
    Targets,
    /// modpost runs again: a provider's symvers changed.
    Symvers,
    /// make runs again: git's answers may differ.
    Make,
    /// A makefile changed: make runs again, and the outputs of the tree's own rules are not
    /// trusted.
    Makefile,
}

/// A file on which the products depend.
#[derive(Debug, Clone)]
pub(crate) struct Prerequisite {
    pub(crate) class: Class,
    pub(crate) path: PathBuf,
    /// `None` if the file changed while make ran, because it is then unknown which state was
    /// compiled.
    pub(crate) id: Option<Identity>,
}

/// A file that was published into the output directory.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    /// The module's name, if the file is a module.
    pub(crate) module: Option<String>,
    pub(crate) path: PathBuf,
    pub(crate) id: Identity,
    /// The hash of its content.
    pub(crate) content: u64,
}

impl Product {
    /// The current state of the file at `path`.
    pub(crate) fn at(path: &Path, module: Option<&str>) -> Result<Product> {
        let failed = |e| Error::reading("read", path, e);
        Ok(Product {
            module: module.map(str::to_owned),
            id: Identity::of_entry(path).map_err(failed)?,
            content: content_hash(path).map_err(failed)?,
            path: path.to_owned(),
        })
    }

    /// Whether the file still exists and was not replaced.
    pub(crate) fn is_there(&self) -> bool {
        Identity::of_entry(&self.path).is_ok_and(|now| now.same_metadata(&self.id))
    }

    /// Whether the file is still the published one.
    pub(crate) fn is_whole(&self) -> bool {
        content_hash(&self.path).is_ok_and(|now| now == self.content)
    }
}

/// A target in the stage and one of its prerequisites, as a rule of make names them.
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
    /// All flags, variables and environment entries. Any difference starts a build from nothing.
    pub(crate) config: Salted,
    /// The boot of the machine that wrote the record.
    pub(crate) boot: String,
    /// Whether make succeeded.
    pub(crate) succeeded: bool,
    pub(crate) prerequisites: Vec<Prerequisite>,
    pub(crate) products: Vec<Product>,
    /// Files beside the modules that the caller asks for.
    pub(crate) others: Vec<Product>,
    /// The files that [`Build::target`](crate::Build::target) has published so far.
    pub(crate) targets: Vec<Product>,
    /// The rules that ran, as make wrote them down.
    pub(crate) rules: Vec<Rule>,
    /// The files that this folder's build made elsewhere in the stage (`../common/x.o`), relative
    /// to it.
    pub(crate) elsewhere: Vec<PathBuf>,
}

/// The work that must be done before make's own checks are enough.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stale {
    /// Set if no built file may be kept.
    pub(crate) from_nothing: Option<Reason>,
    /// Changed prerequisites: their targets are deleted.
    pub(crate) changed: Vec<PathBuf>,
    /// Whether modpost must run again.
    pub(crate) modpost: bool,
    /// A makefile that changed.
    pub(crate) makefile: Option<PathBuf>,
}

/// The reason why no built file may be kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Nothing was built, or the user was already told.
    Known,
    /// The user is told this.
    Tell(String),
}

impl Stale {
    /// Keeps nothing, and tells the user nothing.
    pub(crate) fn all() -> Self {
        Stale {
            from_nothing: Some(Reason::Known),
            ..Stale::default()
        }
    }
}

impl Record {
    /// All files that the build put into OUT.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Product> {
        let products = self.products.iter().chain(&self.others);
        products.chain(&self.targets)
    }

    /// Compares the record with the current state; `None` if there is nothing to do.
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
        // After a power cut, a file system may have kept a file's name and size but lost its bytes.
        let is_whole = |p: &Product| p.is_there() && (!self.is_of_another_boot() || p.is_whole());
        anything |= !self.products.iter().chain(&self.others).all(is_whole);
        anything.then_some(stale)
    }

    /// Whether the target of this rule was built from the prerequisite's present content.
    pub(crate) fn has_seen(&self, rule: &Rule) -> bool {
        let is_same = |p: &Prerequisite| p.id.as_ref().is_some_and(|id| id.matches(&p.path));
        let mut known = self.prerequisites.iter();
        self.rules.contains(rule) && known.any(|p| p.path == rule.prerequisite && is_same(p))
    }

    /// Whether the machine was booted again since the record was written.
    pub(crate) fn is_of_another_boot(&self) -> bool {
        self.boot != boot_id()
    }
}

/// A symvers with the content that modpost read: from the file itself, or from the copy for make.
pub(crate) fn seen_symvers(path: PathBuf, read: &Path) -> Option<Prerequisite> {
    let id = Some(Identity::of_content(&path, read).ok()?);
    let class = Class::Symvers;
    Some(Prerequisite { class, path, id })
}
