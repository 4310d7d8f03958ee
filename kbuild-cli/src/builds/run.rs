//! Several builds side by side, and the table of how each of them ended.

use std::path::PathBuf;
use std::time::Instant;

use kbuild::{Artifact, ErrorKind, Matrix, Report};

use crate::args::build::{BuildArgs, MessageFormat};
use crate::builds::configure::configure;
use crate::builds::out_dir::OutDir;
use crate::builds::results::{Outcome, Table};
use crate::builds::selection::{Job, Jobs};
use crate::commands::build::tell;
use crate::ui::failure::Failure;
use crate::ui::json::{self, Event, Of};
use crate::ui::overview::Overview;
use crate::ui::progress::{Manner, Progress};
use crate::ui::view::View;

/// Builds all of them, whichever fail; gives the failures.
pub(crate) fn run(args: &BuildArgs, mut jobs: Jobs, manner: Manner) -> Vec<Failure> {
    let format = args.how.message_format;
    let started = Instant::now();
    let mut failures = Vec::new();
    let mut table = Table::new(&jobs);
    for column in &mut jobs.kernels {
        if let Some(failure) = column.failure.take() {
            View::new(format, manner).failure(&failure);
            failures.push(failure);
        }
    }
    let made = match OutDir::make(args.products.out_dir.as_deref()) {
        Ok(made) => made,
        Err(failure) => {
            View::new(format, manner).failure(&failure);
            return vec![failure];
        }
    };
    let overview = Overview::new(manner, jobs.jobs.len());
    let views: Vec<View> = jobs
        .jobs
        .iter()
        .map(|job| View::among(format, manner, jobs.label(job), of(&jobs, job), &overview))
        .collect();
    let mut products = Products::default();
    matrix(args, &jobs, &views).run_telling(|i, result| {
        let (job, view) = (&jobs.jobs[i], &views[i]);
        let time = view.time();
        let (outcome, failure) = match result {
            Ok(report) => {
                let told = products
                    .add(report)
                    .and_then(|()| tell(args, report, &job.out_dir, view));
                let outcome = match (&told, report.is_fresh()) {
                    (Err(_), _) => Outcome::Failed(time),
                    (Ok(()), true) => Outcome::Fresh,
                    (Ok(()), false) => Outcome::Built(time),
                };
                (outcome, told.err())
            }
            Err(error) => {
                let outcome = match error.kind() {
                    ErrorKind::ProviderFailed => Outcome::NotBuilt,
                    ErrorKind::Stopped => Outcome::Stopped,
                    _ => Outcome::Failed(time),
                };
                (outcome, Some(Failure::from(error)))
            }
        };
        if let Some(failure) = failure {
            view.failure(&failure);
            failures.push(failure);
        }
        if format == MessageFormat::Json {
            json::print(&event(&jobs, job, outcome, result.as_ref().ok()));
        }
        view.ended();
        table.set(job, outcome);
    });
    overview.end();
    if !failures.is_empty() {
        made.remove_if_unused();
    }
    if format == MessageFormat::Human {
        let mut progress = Progress::new(manner);
        for line in table.lines(manner.style) {
            progress.chatter(&line);
        }
        progress.chatter(&table.summary(started.elapsed()));
    }
    failures
}

fn matrix(args: &BuildArgs, jobs: &Jobs, views: &[View]) -> Matrix {
    let mut matrix = Matrix::new();
    for (job, view) in jobs.jobs.iter().zip(views) {
        let mut build = configure(args, job);
        let listener = view.clone();
        build.on_message(move |message| listener.message(message));
        matrix.add(&build, args.declared.name.as_deref());
    }
    for (i, job) in jobs.jobs.iter().enumerate() {
        for source in jobs.providers_of(job) {
            let is_it = |other: &Job| other.source == source && other.column == job.column;
            if let Some(provider) = jobs.jobs.iter().position(is_it) {
                matrix.needs(i, provider);
            }
        }
    }
    matrix
}

/// What has come out of the builds so far: two of them must not write one file.
#[derive(Default)]
struct Products(Vec<PathBuf>);

impl Products {
    fn add(&mut self, report: &Report) -> Result<(), Failure> {
        let modules = report.modules().iter().map(Artifact::path);
        for path in modules.chain(report.products().iter().map(PathBuf::as_path)) {
            let path = path.to_owned();
            if self.0.contains(&path) {
                return Err(Failure::call(format!(
                    "{} comes out of two of these builds, and the last one is there now: give them an --out-dir each",
                    path.display()
                )));
            }
            self.0.push(path);
        }
        Ok(())
    }
}

fn of(jobs: &Jobs, job: &Job) -> Of {
    Of {
        kernel: jobs.release(job).map(str::to_owned),
        tree: jobs.source(job).map(str::to_owned),
    }
}

fn event<'a>(jobs: &'a Jobs, job: &Job, outcome: Outcome, report: Option<&'a Report>) -> Event<'a> {
    let modules = report.map_or(&[][..], Report::modules);
    Event::BuildResult {
        kernel: &jobs.kernels[job.column].name,
        source: &jobs.sources[job.source],
        outcome: outcome.word(),
        seconds: outcome.time().as_secs_f64(),
        modules: modules.iter().map(Artifact::name).collect(),
    }
}
