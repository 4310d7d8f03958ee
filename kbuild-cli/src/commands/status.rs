//! `kbuild-rs status` and `kbuild-rs verify`: what is installed, and whether it still is.

use std::path::Path;
use std::process::ExitCode;

use kbuild::{InstallState, Installation, InstalledModule};
use serde::Serialize;

use super::install::absolute;
use crate::args::{MessageFormat, StatusArgs};
use crate::ui::failure::{Failure, exit_code};
use crate::ui::json::{self, path};
use crate::ui::options::UiOptions;
use crate::ui::progress::Progress;
use crate::ui::streams;
use crate::ui::style::Style;
use crate::ui::table::{Cell, aligned};
use crate::ui::text::printable;

/// What these verbs print, as JSON.
#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Event<'a> {
    /// A module that kbuild-rs installed.
    InstalledModule {
        release: &'a str,
        name: &'a str,
        path: String,
        state: InstallState,
        version: Option<&'a str>,
        origin: String,
        sha256: &'a str,
        displaced: Vec<String>,
    },
    /// A release whose last change was interrupted.
    InterruptedInstall { release: &'a str },
    /// A difference between the journal and the root.
    InstallProblem {
        release: &'a str,
        path: String,
        message: &'a str,
    },
    /// The last line of `verify`.
    VerifyFinished { success: bool },
}

pub(super) fn run(args: &StatusArgs, style: Style) -> ExitCode {
    ended(list(args, style), style)
}

pub(super) fn verify(args: &StatusArgs, style: Style) -> ExitCode {
    ended(compare(args, style), style)
}

fn ended(done: Result<ExitCode, Failure>, style: Style) -> ExitCode {
    done.unwrap_or_else(|failure| {
        Progress::new(UiOptions::new(style, false)).error(&failure.to_string());
        exit_code([&failure])
    })
}

fn installation(args: &StatusArgs) -> Installation {
    let mut installation = Installation::of(absolute(&args.root.root));
    for kernel in &args.root.kernels {
        installation.kernel(kernel);
    }
    installation
}

fn list(args: &StatusArgs, style: Style) -> Result<ExitCode, Failure> {
    let installation = installation(args);
    let modules = installation.modules()?;
    let interrupted = installation.interrupted()?;
    if args.message_format == MessageFormat::Json {
        modules
            .iter()
            .for_each(|module| json::print(&event(module)));
        for release in &interrupted {
            json::print(&Event::InterruptedInstall { release });
        }
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<Cell>> = modules.iter().map(row).collect();
    aligned(&rows).iter().for_each(streams::result);
    let mut progress = Progress::new(UiOptions::new(style, false));
    if modules.is_empty() {
        progress.chatter(&nothing_in(&args.root.root));
    }
    for release in interrupted {
        progress.warning(&format!(
            "the last change of the modules of {release} was interrupted; the next install, \
             uninstall or rollback undoes it"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn nothing_in(root: &Path) -> String {
    format!("kbuild-rs has installed no module in {}", root.display())
}

fn row(module: &InstalledModule) -> Vec<Cell> {
    let state = match module.state {
        InstallState::Intact => "intact",
        InstallState::Changed => "changed",
        _ => "missing",
    };
    let version = printable(module.version.as_deref().unwrap_or("-")).into_owned();
    vec![
        Cell::from(&*module.release),
        Cell::from(&*module.name),
        Cell::from(version),
        Cell::from(state),
        Cell::from(module.path.display().to_string()),
    ]
}

fn event(module: &InstalledModule) -> Event<'_> {
    Event::InstalledModule {
        release: &module.release,
        name: &module.name,
        path: path(&module.path),
        state: module.state,
        version: module.version.as_deref(),
        origin: path(&module.origin),
        sha256: &module.sha256,
        displaced: module.displaced.iter().map(|file| path(file)).collect(),
    }
}

fn compare(args: &StatusArgs, style: Style) -> Result<ExitCode, Failure> {
    let installation = installation(args);
    let problems = installation.verify()?;
    let success = problems.is_empty();
    if args.message_format == MessageFormat::Json {
        for problem in &problems {
            json::print(&Event::InstallProblem {
                release: &problem.release,
                path: path(&problem.path),
                message: &problem.message,
            });
        }
        json::print(&Event::VerifyFinished { success });
    } else {
        let mut progress = Progress::new(UiOptions::new(style, false));
        for problem in &problems {
            progress.error(&format!("{}: {}", problem.path.display(), problem.message));
        }
        if success && installation.modules()?.is_empty() {
            progress.chatter(&nothing_in(&args.root.root));
        } else if success {
            progress.chatter("every installed module is as it was installed");
        }
    }
    Ok(match success {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
