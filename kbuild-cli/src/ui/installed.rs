//! The output of `install`, `uninstall` and `rollback`.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;

use kbuild::{ErrorKind, InstallAction, InstallReport, Message};
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
        let mut changed = 0;
        let mut unchanged = 0;
        for change in &report.changes {
            match change.action {
                InstallAction::Unchanged => unchanged += 1,
                _ => changed += 1,
            }
            if self.is_json {
                self.print(change);
            } else {
                self.say(change);
            }
        }
        for note in &report.notes {
            self.note(note);
        }
        if !self.is_json && changed == 0 {
            let what = match unchanged {
                0 => "nothing to do".to_owned(),
                n => format!("{} up to date", count(n, "module")),
            };
            self.progress.borrow_mut().chatter(&what);
        }
    }

    fn say(&self, change: &kbuild::InstallChange) {
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

    fn print(&self, change: &kbuild::InstallChange) {
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
