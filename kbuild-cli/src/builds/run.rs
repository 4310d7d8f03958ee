//! Runs the builds of a call, one or many: selects them, runs them side by side, delivers and
//! announces the products of each, and sums up.

use std::path::PathBuf;
use std::time::Instant;

use kbuild::{Artifact, ErrorKind, Matrix, Message, Report};

use super::announce::announce;
use super::configure::configure;
use super::deliver::deliver;
use super::dry_run;
use super::out_dir::OutDir;
use super::published::Published;
use super::results::{Outcome, Results};
use super::selection::{SelectedBuild, Selection};
use crate::args::{BuildArgs, MessageFormat};
use crate::ui::failure::Failure;
use crate::ui::json::{self, BuildId, Event};
use crate::ui::options::UiOptions;
use crate::ui::style::Style;
use crate::ui::view::View;

/// Runs the builds, and returns the failures, which it has already reported.
pub(crate) fn run(args: &BuildArgs, style: Style) -> Vec<Failure> {
    run_with(args, style, None)
}

/// As [`run`], and returns the modules instead of printing their paths.
#[cfg(feature = "test")]
pub(crate) fn run_and_list(args: &BuildArgs, style: Style) -> (Vec<Failure>, Vec<PathBuf>) {
    let mut modules = Vec::new();
    let failures = run_with(args, style, Some(&mut modules));
    (failures, modules)
}

fn run_with(args: &BuildArgs, style: Style, modules: Option<&mut Vec<PathBuf>>) -> Vec<Failure> {
    let format = args.run.message_format;
    let view = View::new(format, UiOptions::new(style, args.run.quiet));
    let failures = match Selection::new(args, &view) {
        Err(failure) => {
            view.failure(&failure);
            vec![failure]
        }
        Ok((selection, mut failures)) => {
            failures.iter().for_each(|failure| view.failure(failure));
            match args.run.dry_run {
                true => show_all(args, &selection, &view, &mut failures),
                false => build_all(args, &selection, &view, style, (&mut failures, modules)),
            }
            failures
        }
    };
    if format == MessageFormat::Json {
        json::print(&Event::BuildFinished {
            success: failures.is_empty(),
        });
    }
    failures
}

fn show_all(args: &BuildArgs, selection: &Selection, view: &View, failures: &mut Vec<Failure>) {
    let mut skipped = Vec::new();
    let plans = dry_run::plans(args, selection);
    for (build, plan) in selection.builds.iter().zip(plans) {
        match plan.map_err(Failure::from) {
            Err(failure) if failure.is_skip() && !selection.is_one() => {
                view.note(&skipping(&failure));
                skipped.push(failure);
            }
            Err(failure) => {
                view.failure(&failure);
                failures.push(failure);
            }
            Ok(plan) => dry_run::show(args, selection, build, &plan),
        }
    }
    add_skips(selection, skipped, failures);
}

/// Skips are no failures, unless nothing else is left of the call.
fn add_skips(selection: &Selection, skipped: Vec<Failure>, failures: &mut Vec<Failure>) {
    if skipped.len() == selection.builds.len() {
        failures.extend(skipped);
    }
}

fn skipping(failure: &Failure) -> String {
    format!("skipped: {failure}")
}

/// Runs all builds, even if some fail.
fn build_all(
    args: &BuildArgs,
    selection: &Selection,
    view: &View,
    style: Style,
    (failures, modules): (&mut Vec<Failure>, Option<&mut Vec<PathBuf>>),
) {
    let started = Instant::now();
    let made = match OutDir::make(args.products.out_dir.as_deref()) {
        Ok(made) => made,
        Err(failure) => {
            view.failure(&failure);
            failures.push(failure);
            return;
        }
    };
    let overview = (!selection.is_one()).then(|| view.overview(selection.builds.len()));
    let views: Vec<View> = match &overview {
        // A single build prints its messages as they come.
        None => vec![view.clone()],
        Some(overview) => {
            let views = selection.builds.iter().map(|build| {
                view.among(selection.label(build), build_id(selection, build), overview)
            });
            views.collect()
        }
    };
    let mut ended = Ended {
        args,
        selection,
        views: &views,
        published: Published::default(),
        results: Results::new(selection),
        skipped: Vec::new(),
        failures,
        modules,
    };
    matrix(args, selection, &views).run_telling(|i, result| ended.add(i, result));
    let Ended {
        results, skipped, ..
    } = ended;
    add_skips(selection, skipped, failures);
    if !failures.is_empty() {
        made.remove_if_unused();
    }
    if let Some(overview) = overview {
        overview.end();
        for line in results.lines(style) {
            view.closing(|_| line);
        }
        view.closing(|_| results.summary(started.elapsed()));
    }
}

fn matrix(args: &BuildArgs, selection: &Selection, views: &[View]) -> Matrix {
    let mut matrix = Matrix::new();
    for (selected, view) in selection.builds.iter().zip(views) {
        let mut build = configure(args, selected);
        let listener = view.clone();
        let shown = args.run.requirements_shown;
        build.on_message(move |message| match message {
            Message::Warning { code, .. } if shown && *code == "unmet-requirement" => {}
            _ => listener.message(message),
        });
        matrix.add(&build, args.declared.name.as_deref());
    }
    for (i, build) in selection.builds.iter().enumerate() {
        for provider in selection.providers_of(build) {
            matrix.needs(i, provider);
        }
    }
    matrix
}

/// The builds that have ended, and their outcomes.
struct Ended<'a> {
    args: &'a BuildArgs,
    selection: &'a Selection,
    views: &'a [View],
    published: Published,
    results: Results,
    skipped: Vec<Failure>,
    failures: &'a mut Vec<Failure>,
    /// The list of modules for the caller, who does not want their paths printed.
    modules: Option<&'a mut Vec<PathBuf>>,
}

impl Ended<'_> {
    fn add(&mut self, i: usize, result: &kbuild::Result<Report>) {
        let (build, view) = (&self.selection.builds[i], &self.views[i]);
        // The time to copy products is not a part of the build.
        let time = view.time();
        let (outcome, failure) = match result {
            Ok(report) => match self.finish(build, report, view) {
                Ok(()) if report.is_fresh() => (Outcome::Fresh, None),
                Ok(()) if report.is_cached() => (Outcome::Cached(time), None),
                Ok(()) => (Outcome::Built(time), None),
                Err(failure) => (Outcome::Failed(time), Some(failure)),
            },
            Err(error) => {
                let outcome = match error.kind() {
                    ErrorKind::ProviderFailed => Outcome::NotBuilt,
                    ErrorKind::Stopped => Outcome::Stopped,
                    ErrorKind::RequirementNotMet => {
                        Outcome::Skipped(error.unmet_requirements().to_vec())
                    }
                    _ => Outcome::Failed(time),
                };
                (outcome, Some(Failure::from(error)))
            }
        };
        let mut skip = None;
        match failure {
            Some(failure) if failure.is_skip() && !self.selection.is_one() => {
                view.aside(&skipping(&failure));
                skip = Some(failure.to_string());
                self.skipped.push(failure);
            }
            Some(failure) => {
                view.failure(&failure);
                self.failures.push(failure);
            }
            None => {}
        }
        let is_json = self.args.run.message_format == MessageFormat::Json;
        if is_json && !self.selection.is_one() {
            let report = result.as_ref().ok();
            json::print(&build_result(self.selection, build, &outcome, report, skip));
        }
        view.ended();
        self.results.set(build, outcome);
    }

    /// The steps after a successful build.
    fn finish(
        &mut self,
        build: &SelectedBuild,
        report: &Report,
        view: &View,
    ) -> Result<(), Failure> {
        self.published.add(report)?;
        deliver(self.args, report, &build.out_dir, view)?;
        match &mut self.modules {
            None => announce(self.args, report, &build.out_dir, view),
            Some(list) => {
                let modules = report.modules().iter();
                list.extend(modules.map(|one| one.path().to_owned()));
                Ok(())
            }
        }
    }
}

fn build_id(selection: &Selection, build: &SelectedBuild) -> BuildId {
    BuildId {
        release: selection.release(build).map(str::to_owned),
        tree: selection.source(build).map(str::to_owned),
    }
}

fn build_result<'a>(
    selection: &'a Selection,
    build: &SelectedBuild,
    outcome: &Outcome,
    report: Option<&'a Report>,
    message: Option<String>,
) -> Event<'a> {
    let modules = report.map_or(&[][..], Report::modules);
    let source = &selection.sources[build.source];
    let is_tree = source.tree.is_some();
    Event::BuildResult {
        release: &selection.kernels[build.kernel].name,
        tree: is_tree.then_some(&*source.named),
        name: (!is_tree).then_some(&*source.named),
        outcome: outcome.word(),
        seconds: outcome.time().as_secs_f64(),
        message,
        modules: modules.iter().map(Artifact::name).collect(),
    }
}
