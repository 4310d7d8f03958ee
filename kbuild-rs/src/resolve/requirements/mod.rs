//! The requirements that a module states, checked before anything else is.
//!
//! Decisions:
//! - A `kbuild.toml` applies to the module folder beside it. For a module folder below a tree root, each
//!   `kbuild.toml` from the root down to the folder applies. Those below the module folder do not: kbuild
//!   builds a folder as a whole.
//! - Nothing of it is recorded. Each build compares the kernel again, which reads files that it
//!   reads anyway.
//! - The architectures of one place are alternatives; all other requirements have to be met.

mod check;
pub(super) mod grammar;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use super::inputs::named_symvers;
use crate::error::Advice;
use crate::kbuild::{KBUILD_TOML, StatedInFile, read_kbuild_toml};
use crate::settings::{Environment, Module, Provided, Requirement, RequirementKind, Settings};
use crate::sys::sort_paths;
use crate::{Error, ErrorKind, Kernel, Result};

use check::Exports;
use grammar::{Check, Parsed, left_to_right};

/// The requirements of a build.
#[derive(Debug)]
pub(crate) struct Requirements {
    all: Vec<(Requirement, Check)>,
    /// The name of the build in messages.
    label: String,
    /// The `kbuild.toml` files.
    files: Vec<PathBuf>,
    /// The symvers of providers.
    providers: Vec<PathBuf>,
    /// Whether others follow, so that symbols are not decided.
    has_later_providers: bool,
    environment: Environment,
    received: fn(&Environment, &str) -> Provided,
}

/// A requirement that a kernel does not meet.
#[derive(Debug)]
pub(crate) struct Unmet {
    /// Its place in [`Requirements::stated`].
    pub(crate) index: usize,
    pub(crate) found: String,
    pub(crate) advice: Advice,
}

impl Requirements {
    /// The requirements of the settings, and of the module tree. `name` is that of a declared module.
    pub(crate) fn of(settings: &Settings, name: Option<&str>, base: &Path) -> Result<Self> {
        let mut found = Requirements {
            all: Vec::new(),
            label: name.unwrap_or("the module").to_owned(),
            files: Vec::new(),
            providers: named_symvers(settings, base),
            has_later_providers: settings.has_later_providers,
            environment: settings.environment.clone(),
            received: settings.received,
        };
        let mut stated = Vec::new();
        for (kind, text) in &settings.requires {
            let setting = kind.setting();
            let parsed = grammar::parse(*kind, text)
                .map_err(|why| Error::input(format!("{setting}: {why}")))?;
            stated.push((*kind, parsed, format!("the setting {setting}")));
        }
        found.add(stated);
        if let Module::Tree(tree) = &settings.module {
            let dir = base.join(&tree.dir);
            found.label = match std::fs::canonicalize(&dir) {
                Ok(real) => {
                    let root = tree.tree_root.as_ref().map(|root| real.join(root));
                    found.add_files(&real, root.and_then(|root| root.canonicalize().ok()))?;
                    let name = real.file_name().unwrap_or_default();
                    name.to_string_lossy().into_owned()
                }
                // The build reports the missing folder.
                Err(_) => dir.display().to_string(),
            };
        }
        Ok(found)
    }

    /// Adds the files from the tree root down to the module folder.
    fn add_files(&mut self, dir: &Path, root: Option<PathBuf>) -> Result<()> {
        let root = root.filter(|root| dir.starts_with(root));
        let root = root.as_deref().unwrap_or(dir);
        let folders: Vec<&Path> = dir
            .ancestors()
            .take_while(|folder| folder.starts_with(root))
            .collect();
        for folder in folders.into_iter().rev() {
            let file = folder.join(KBUILD_TOML);
            let Some(found) = read_kbuild_toml(&file)? else {
                continue;
            };
            let mut stated = Vec::new();
            for one in found {
                let origin = format!("{}:{}", file.display(), one.line);
                let StatedInFile {
                    kind, text, reason, ..
                } = one;
                let mut parsed = grammar::parse(kind, &text)
                    .map_err(|why| Error::input(format!("{origin}: {why}")))?;
                if let Some(reason) = reason {
                    // One line, whatever the file's author wrote.
                    let words: Vec<&str> = reason.split_whitespace().collect();
                    let is_shown = |c: &char| !c.is_control();
                    let words = words.join(" ");
                    parsed.reason = Some(left_to_right(&words).filter(is_shown).collect());
                }
                stated.push((kind, parsed, origin));
            }
            self.add(stated);
            self.files.push(file);
        }
        Ok(())
    }

    /// Adds the requirements of one place. Its architectures become one requirement.
    fn add(&mut self, stated: Vec<(RequirementKind, Parsed, String)>) {
        let start = self.all.len();
        for (kind, parsed, origin) in stated {
            let Parsed {
                check,
                only_warns,
                reason,
            } = parsed;
            let before = self.all[start..].iter_mut();
            let mut before = before.filter(|(one, _)| one.only_warns == only_warns);
            if let Check::Arch(words) = &check {
                let alternatives = before.find_map(|(one, known)| match known {
                    Check::Arch(known) => Some((one, known)),
                    _ => None,
                });
                if let Some((one, known)) = alternatives {
                    known.extend(words.iter().cloned());
                    one.check = known.join(" or ");
                    one.reason = one.reason.take().or(reason);
                    continue;
                }
            }
            let requirement = Requirement {
                kind,
                check: check.to_string(),
                reason,
                origin,
                only_warns,
            };
            self.all.push((requirement, check));
        }
    }

    pub(crate) fn stated(&self) -> impl Iterator<Item = &Requirement> {
        self.all.iter().map(|(requirement, _)| requirement)
    }

    /// The requirements that a kernel does not meet.
    ///
    /// # Errors
    /// Those of a symvers that cannot be read, if it would have to be: its lack of a symbol is not known.
    pub(crate) fn unmet(&self, kernel: &Kernel) -> Result<Vec<Unmet>> {
        let mut exports = match self.needs_symbols() {
            true => Exports::of(kernel, &self.providers(kernel)),
            false => Exports::default(),
        };
        let mut unmet = Vec::new();
        for (index, (_, check)) in self.all.iter().enumerate() {
            if self.has_later_providers && matches!(check, Check::Symbol(_)) {
                continue;
            }
            if let Some(difference) = check::difference(check, kernel, &mut exports)? {
                unmet.push(Unmet {
                    index,
                    found: difference.found,
                    advice: difference.advice,
                });
            }
        }
        Ok(unmet)
    }

    /// The symvers of providers: named ones, and those that Cargo passes on for this kernel.
    fn providers(&self, kernel: &Kernel) -> Vec<PathBuf> {
        let received = (self.received)(&self.environment, kernel.release());
        let named = self.providers.iter().cloned();
        named.chain(received.symvers).collect()
    }

    /// The existing files whose change can change what [`unmet`](Self::unmet) returns.
    pub(crate) fn inputs(&self, kernel: &Kernel) -> Vec<PathBuf> {
        if self.all.is_empty() {
            return self.files.clone();
        }
        let mut files = self.files.clone();
        files.push(kernel.dir().join("include/config/auto.conf"));
        files.extend(kernel.number_files());
        if self.needs_symbols() {
            files.extend(self.symvers(kernel));
        }
        files.retain(|file| file.is_file());
        sort_paths(&mut files);
        files
    }

    /// All symvers that decide, also those that do not exist.
    fn symvers(&self, kernel: &Kernel) -> Vec<PathBuf> {
        let mut files = self.providers(kernel);
        files.push(kernel.dir().join("Module.symvers"));
        files
    }

    fn needs_symbols(&self) -> bool {
        let mut checks = self.all.iter().map(|(_, check)| check);
        checks.any(|check| matches!(check, Check::Symbol(_)))
    }

    /// Refuses a kernel that does not meet a requirement, and warns about those with `~`.
    pub(super) fn check(&self, settings: &Settings, kernel: &Kernel) -> Result<()> {
        if self.all.is_empty() {
            return Ok(());
        }
        let unmet = self.unmet(kernel)?;
        if let Some(error) = self.error(kernel, &unmet) {
            return Err(error);
        }
        for one in &unmet {
            let text = self.warning(kernel, one);
            settings.sink.warning("unmet-requirement", &text);
        }
        Ok(())
    }

    /// The error for a kernel, unless all differences only cause warnings.
    pub(crate) fn error(&self, kernel: &Kernel, unmet: &[Unmet]) -> Option<Error> {
        let is_fatal = |one: &&Unmet| !self.all[one.index].0.only_warns;
        let fatal: Vec<&Unmet> = unmet.iter().filter(is_fatal).collect();
        if fatal.is_empty() {
            return None;
        }
        let mut text = format!(
            "{} cannot be built for {}: the kernel tree {} does not meet a stated requirement",
            self.label,
            kernel.release(),
            kernel.dir().display()
        );
        let mut checks = Vec::new();
        for one in &fatal {
            let (requirement, _) = &self.all[one.index];
            text += "\n  ";
            text += &sentences(requirement, one);
            checks.push(named(requirement));
        }
        let error = Error::new(ErrorKind::RequirementNotMet, text);
        let error = fatal
            .iter()
            .fold(error, |error, one| error.advise(one.advice.clone()));
        let mut inputs = self.inputs(kernel);
        let is_symbol = |one: &&Unmet| matches!(self.all[one.index].1, Check::Symbol(_));
        if fatal.iter().any(is_symbol) {
            // Cargo runs the build script again as long as one is missing: it may come at any time.
            inputs.extend(
                self.symvers(kernel)
                    .into_iter()
                    .filter(|file| !file.exists()),
            );
        }
        Some(error.with_unmet(checks, inputs))
    }

    /// The warning about a requirement with `~`.
    pub(crate) fn warning(&self, kernel: &Kernel, unmet: &Unmet) -> String {
        let (requirement, _) = &self.all[unmet.index];
        format!(
            "{} is built for {}, which does not meet a stated requirement: {}",
            self.label,
            kernel.release(),
            sentences(requirement, unmet)
        )
    }
}

/// "CONFIG_NET (/src/kbuild.toml:3): it opens a socket. CONFIG_NET is not set: use a kernel …".
fn sentences(requirement: &Requirement, unmet: &Unmet) -> String {
    let reason = match &requirement.reason {
        Some(reason) => format!("{}. ", reason.trim_end_matches('.')),
        None => String::new(),
    };
    let mut found = unmet.found.chars();
    let first = found.next().map(|c| c.to_ascii_uppercase());
    let found: String = first.into_iter().chain(found).collect();
    format!(
        "{} ({}): {reason}{found}: {}",
        named(requirement),
        requirement.origin,
        unmet.advice.text()
    )
}

/// "CONFIG_NET", "kernel >=5.10".
fn named(requirement: &Requirement) -> String {
    let subject = match requirement.kind {
        RequirementKind::Config => "",
        RequirementKind::Kernel => "kernel ",
        RequirementKind::Arch => "architecture ",
        RequirementKind::Symbol => "symbol ",
    };
    format!("{subject}{}", requirement.check)
}
