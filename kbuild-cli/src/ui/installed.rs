//! The output of `install`, `uninstall` and `rollback`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use kbuild::{ErrorKind, InstallAction, InstallChange, InstallReport, Message};
use serde::Serialize;

use super::failure::{Failure, exit_code};
use super::json::{self, path};
use super::options::UiOptions;
use super::progress::Progress;
use super::streams;
use super::style::Style;
use super::text::count;
use crate::args::{MessageFormat, OutputArgs};

/// What these verbs print, as JSON.
#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Event<'a> {
    /// A module is installed. `outcome` is installed, updated or unchanged.
    ModuleInstalled {
        release: &'a str,
        name: &'a str,
        path: String,
        outcome: InstallAction,
        dry_run: bool,
    },
    /// A module was removed.
    ModuleRemoved {
        release: &'a str,
        name: &'a str,
        path: String,
        dry_run: bool,
    },
    /// A file of somebody else's. `outcome` is displaced or restored.
    ForeignFile {
        release: &'a str,
        name: &'a str,
        path: String,
        outcome: InstallAction,
        dry_run: bool,
    },
    Error {
        kind: ErrorKind,
        message: String,
        advice: &'a [kbuild::Advice],
    },
    /// The last line.
    InstallFinished { success: bool },
}

/// The output of one call.
pub(crate) struct Told {
    progress: RefCell<Progress>,
    is_json: bool,
    is_verbose: bool,
    is_dry_run: bool,
    lists_paths: bool,
}

impl Told {
    pub(crate) fn new(args: &OutputArgs, style: Style, is_dry_run: bool) -> Told {
        Told {
            progress: RefCell::new(Progress::new(UiOptions::new(style, args.quiet))),
            is_json: args.message_format == MessageFormat::Json,
            is_verbose: args.verbose,
            is_dry_run,
            lists_paths: true,
        }
    }

    /// Whether standard output gets the paths of installed modules.
    pub(crate) fn lists_paths(&mut self, yes: bool) {
        self.lists_paths = yes;
    }

    pub(crate) fn note(&self, text: &str) {
        match self.is_json {
            true => json::print(&Message::Note { text }),
            false => self.progress.borrow_mut().chatter(&format!("note: {text}")),
        }
    }

    /// Prints the results, or the failure; the exit code.
    pub(crate) fn end(&self, done: kbuild::Result<InstallReport>) -> ExitCode {
        match done {
            Ok(report) => {
                self.report(&report);
                if self.is_json {
                    json::print(&Event::InstallFinished { success: true });
                }
                ExitCode::SUCCESS
            }
            Err(error) => self.fail(&error.into()),
        }
    }

    /// Prints a failure; the exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if self.is_json {
            json::print(&Event::Error {
                kind: failure.kind(),
                message: failure.to_string(),
                advice: failure.advice(),
            });
            json::print(&Event::InstallFinished { success: false });
        } else {
            self.progress.borrow_mut().error(&failure.to_string());
        }
        exit_code([failure])
    }

    fn report(&self, report: &InstallReport) {
        for change in &report.changes {
            match self.is_json {
                true => self.print(change),
                false => self.say(change),
            }
        }
        for note in &report.notes {
            self.note(note);
        }
        if !self.is_json {
            for line in closing(report, self.is_dry_run) {
                self.progress.borrow_mut().chatter(&line);
            }
        }
    }

    fn say(&self, change: &InstallChange) {
        use InstallAction::{Displaced, Installed, Removed, Restored, Unchanged, Updated};
        let path = &change.path;
        let is_listed = match change.action {
            Installed | Updated => true,
            Unchanged => self.is_verbose,
            _ => false,
        };
        if is_listed && !self.is_dry_run {
            if self.lists_paths {
                streams::result(path.as_os_str().as_encoded_bytes());
            }
            return;
        }
        let (would, did) = match change.action {
            Installed => ("install", "installed"),
            Updated => ("update", "updated"),
            Removed => ("remove", "removed"),
            Displaced => ("move away", "moved away"),
            Restored => ("restore", "restored"),
            _ if self.is_verbose => ("keep", "kept"),
            _ => return,
        };
        let line = match self.is_dry_run {
            true => format!("would {would} {}", path.display()),
            false => format!("{did} {}", path.display()),
        };
        self.progress.borrow_mut().chatter(&line);
    }

    fn print(&self, change: &InstallChange) {
        let (release, name) = (&*change.release, &*change.name);
        let shown = |file: &PathBuf| path(file);
        let (path, outcome) = (shown(&change.path), change.action);
        let dry_run = self.is_dry_run;
        let event = match outcome {
            InstallAction::Removed => Event::ModuleRemoved {
                release,
                name,
                path,
                dry_run,
            },
            InstallAction::Displaced | InstallAction::Restored => Event::ForeignFile {
                release,
                name,
                path,
                outcome,
                dry_run,
            },
            _ => Event::ModuleInstalled {
                release,
                name,
                path,
                outcome,
                dry_run,
            },
        };
        json::print(&event);
    }
}

/// The last lines for people: what happened, a line for each kernel.
fn closing(report: &InstallReport, is_dry_run: bool) -> Vec<String> {
    let mut releases: BTreeMap<&str, Vec<Deed<'_>>> = BTreeMap::new();
    for change in &report.changes {
        let deeds = releases.entry(&change.release).or_default();
        deeds.push((change.action, &change.name));
    }
    if releases.is_empty() {
        return vec!["nothing to do".to_owned()];
    }
    let lines = releases.into_iter().filter_map(|(release, deeds)| {
        let is_indexed = report.indexed.iter().any(|indexed| indexed == release);
        let depmod = if is_indexed { "; depmod ran" } else { "" };
        let what = summary(&deeds, is_dry_run)?;
        Some(format!("{what} for {release}{depmod}"))
    });
    lines.collect()
}

/// The change of a file, and the name of its module.
type Deed<'a> = (InstallAction, &'a str);

/// The changes for one kernel, as `installed 2 modules, moved away 1 file`. A dry run with changes
/// has none: it ends with what it would do.
fn summary(deeds: &[Deed<'_>], is_dry_run: bool) -> Option<String> {
    use InstallAction::{Displaced, Installed, Removed, Restored, Unchanged, Updated};
    let number = |action| deeds.iter().filter(|deed| deed.0 == action).count();
    // A module whose file got another suffix is still there.
    let stays = |name: &str| {
        let mut new = deeds
            .iter()
            .filter(|deed| [Installed, Updated].contains(&deed.0));
        new.any(|deed| deed.1 == name)
    };
    let removed = deeds
        .iter()
        .filter(|deed| deed.0 == Removed && !stays(deed.1));
    let parts = [
        ("installed", number(Installed), "module"),
        ("updated", number(Updated), "module"),
        ("removed", removed.count(), "module"),
        ("moved away", number(Displaced), "file"),
        ("restored", number(Restored), "file"),
    ];
    let parts = parts.into_iter().filter(|(_, number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(did, number, noun)| format!("{did} {}", count(number, noun)))
        .collect();
    match (parts.is_empty(), number(Unchanged)) {
        (false, _) => (!is_dry_run).then(|| parts.join(", ")),
        (true, 1) => Some("1 module is up to date".to_owned()),
        (true, n) => Some(format!("{n} modules are up to date")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_what_happened() {
        use InstallAction::{Displaced, Installed, Removed, Restored, Unchanged, Updated};
        let said = |deeds: &[Deed<'_>]| summary(deeds, false).unwrap();
        let two = [
            (Installed, "a"),
            (Displaced, "a"),
            (Installed, "b"),
            (Unchanged, "c"),
        ];
        assert_eq!(said(&two), "installed 2 modules, moved away 1 file");
        assert_eq!(summary(&two, true), None);
        let suffix = [(Removed, "a"), (Updated, "a")];
        assert_eq!(said(&suffix), "updated 1 module");
        let back = [(Removed, "a"), (Restored, "a")];
        assert_eq!(said(&back), "removed 1 module, restored 1 file");
        let same = [(Unchanged, "a"), (Unchanged, "b")];
        assert_eq!(said(&same[..1]), "1 module is up to date");
        assert_eq!(summary(&same, true).unwrap(), "2 modules are up to date");
    }
}
