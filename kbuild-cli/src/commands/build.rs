//! `kbuild-rs build`: one build, told as it goes, or several side by side ([`crate::builds::run`]).

use std::path::Path;
use std::process::ExitCode;

use kbuild::Report;

use crate::args::build::{BuildArgs, MessageFormat};
use crate::builds::configure::configure;
use crate::builds::deliver as products;
use crate::builds::out_dir::OutDir;
use crate::builds::run as matrix;
use crate::builds::selection::{Job, Jobs};
use crate::ui::failure::{Failure, exit_code};
use crate::ui::json::{self, Event};
use crate::ui::progress::Manner;
use crate::ui::streams as out;
use crate::ui::style::Style;
use crate::ui::view::View;

pub(crate) fn run(args: &BuildArgs, style: Style) -> ExitCode {
    exit_code(&failures(args, style))
}

/// Builds, and gives what failed, which has been told.
pub(crate) fn failures(args: &BuildArgs, style: Style) -> Vec<Failure> {
    let format = args.how.message_format;
    let manner = Manner::new(style, args.how.quiet);
    let view = View::new(format, manner);
    let failed = |failure| {
        view.failure(&failure);
        failure
    };
    let failures: Vec<Failure> = match Jobs::of(args, &view) {
        Err(failure) => vec![failed(failure)],
        Ok(mut jobs) if args.how.dry_run => {
            let missing = jobs.kernels.iter_mut().filter_map(|k| k.failure.take());
            let missing: Vec<_> = missing.map(failed).collect();
            let plans = jobs
                .jobs
                .iter()
                .filter_map(|job| plan(args, &jobs, job).err());
            missing.into_iter().chain(plans.map(failed)).collect()
        }
        Ok(jobs) => match jobs.jobs.as_slice() {
            [job] if jobs.is_one() => alone(args, job, &view)
                .err()
                .map(failed)
                .into_iter()
                .collect(),
            _ => matrix::run(args, jobs, manner),
        },
    };
    if format == MessageFormat::Json {
        json::print(&Event::BuildFinished {
            success: failures.is_empty(),
        });
    }
    failures
}

fn alone(args: &BuildArgs, job: &Job, view: &View) -> Result<(), Failure> {
    let mut build = configure(args, job);
    let listener = view.clone();
    build.on_message(move |message| listener.message(message));
    let made = OutDir::make(args.products.out_dir.as_deref())?;
    let report = match &args.declared.name {
        Some(name) => build.try_compile(name),
        None => build.try_compile_all(),
    };
    let report = report.inspect_err(|_| made.remove_if_unused())?;
    products::deliver(args, &report, &job.out_dir, view)?;
    tell(args, &report, &job.out_dir, view)
}

fn plan(args: &BuildArgs, jobs: &Jobs, job: &Job) -> Result<(), Failure> {
    let plan = configure(args, job).plan(args.declared.name.as_deref())?;
    match args.how.message_format {
        MessageFormat::Human => {
            if !jobs.is_one() {
                out::result(format!("# {}", jobs.label(job)));
            }
            out::result(plan.to_string());
        }
        MessageFormat::Json => json::print(&Event::Plan {
            kernel: plan.kernel().release(),
            stage: json::path(plan.stage()),
            env: plan
                .shown_env()
                .map(|(name, value)| (json::text(name), value.map(json::text)))
                .collect(),
            args: plan.args().iter().map(|arg| json::text(arg)).collect(),
            command: plan.to_string(),
        }),
    }
    Ok(())
}

/// The results, and the sentence that ends a build.
pub(crate) fn tell(
    args: &BuildArgs,
    report: &Report,
    out_dir: &Path,
    view: &View,
) -> Result<(), Failure> {
    let release = report.kernel().map_or("", kbuild::Kernel::release);
    match args.how.message_format {
        MessageFormat::Human => {
            let asked = &args.both.target;
            view.closing(|time| products::sentence(report, asked, out_dir, time));
            // Who asks for a stamp or a copy has the names of the products already.
            let named = args.products.stamp.is_some() || !args.products.output.is_empty();
            let known = args.how.quiet && named;
            let paths = products::paths(report, out_dir);
            for path in paths.iter().filter(|_| !known) {
                out::result(path.as_os_str().as_encoded_bytes());
            }
        }
        MessageFormat::Json => {
            let fresh = report.is_fresh();
            for module in report.modules() {
                let info = module.info()?;
                json::print(&Event::ModuleArtifact {
                    kernel: release,
                    name: module.name(),
                    path: json::path(module.path()),
                    fresh,
                    symvers: report.symvers().map(json::path),
                    vermagic: &info.vermagic,
                    license: info.licenses.first().map(String::as_str),
                    depends: &info.depends,
                });
            }
            for path in report.products() {
                let name = path.strip_prefix(report.out_dir()).unwrap_or(path);
                json::print(&Event::ProductArtifact {
                    kernel: release,
                    name: json::text(name.as_os_str()),
                    path: json::path(path),
                    fresh,
                });
            }
            for path in report.targets() {
                json::print(&Event::TargetArtifact {
                    kernel: release,
                    path: json::path(path),
                    fresh,
                });
            }
        }
    }
    Ok(())
}
