//! `kbuild-rs build`: turns flags into [`kbuild::Build`]s, one for each kernel.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kbuild::{Build, Kernel, MissingSymvers, Report};

use crate::args::{BuildArgs, MessageFormat, SymversPolicy};
use crate::failure::{Failure, exit_code};
use crate::json::{self, Event};
use crate::out;
use crate::outdir::OutDir;
use crate::products;
use crate::progress::Manner;
use crate::style::{Style, count};
use crate::view::View;

/// One kernel to build for, and where to.
struct Job {
    kernel: Option<OsString>,
    out_dir: PathBuf,
    /// The release, when there are several.
    label: Option<String>,
}

pub(crate) fn run(args: &BuildArgs, style: Style) -> ExitCode {
    let format = args.how.message_format;
    let manner = Manner::new(style, args.how.quiet);
    let view = |label: Option<String>| View::new(format, manner, label);

    let mut failures = Vec::new();
    match jobs(args) {
        Ok(jobs) => {
            let several = jobs.len() > 1;
            for job in jobs {
                match job {
                    Ok(job) => {
                        let view = view(job.label.clone());
                        if let Err(failure) = run_job(args, &job, &view) {
                            view.failure(&failure);
                            failures.push(failure);
                        }
                    }
                    Err(failure) => {
                        view(None).failure(&failure);
                        failures.push(failure);
                    }
                }
            }
            if several && !failures.is_empty() {
                let kernels = count(args.against.kernel.len(), "kernel");
                view(None).closing(|_| format!("failed for {} of {kernels}", failures.len()));
            }
        }
        Err(failure) => {
            view(None).failure(&failure);
            failures.push(failure);
        }
    }
    if format == MessageFormat::Json {
        json::print(&Event::BuildFinished {
            success: failures.is_empty(),
        });
    }
    exit_code(&failures)
}

/// One job a kernel. A kernel that is not there is a failure of its own and hides no other's
/// result.
fn jobs(args: &BuildArgs) -> Result<Vec<Result<Job, Failure>>, Failure> {
    let out_dir = OutDir::path(args.products.out_dir.as_deref());
    let kernels = &args.against.kernel;
    if kernels.len() < 2 {
        return Ok(vec![Ok(Job {
            kernel: kernels.first().cloned(),
            out_dir: out_dir.to_owned(),
            label: None,
        })]);
    }
    let mut seen: Vec<(String, &OsStr)> = Vec::new();
    let mut jobs = Vec::new();
    for wanted in kernels {
        let kernel = match find(wanted) {
            Ok(kernel) => kernel,
            Err(error) => {
                jobs.push(Err(error.into()));
                continue;
            }
        };
        let release = kernel.release().to_owned();
        if let Some((_, other)) = seen.iter().find(|(r, _)| *r == release) {
            return Err(Failure::call(format!(
                "--kernel {} and --kernel {} are both {release}, and the products of both would be {}: build one at a time, with an --out-dir each",
                other.to_string_lossy(),
                wanted.to_string_lossy(),
                out_dir.join(&release).display()
            )));
        }
        jobs.push(Ok(Job {
            kernel: Some(wanted.clone()),
            out_dir: out_dir.join(&release),
            label: Some(release.clone()),
        }));
        seen.push((release, wanted));
    }
    Ok(jobs)
}

/// What `--kernel` names. Only a path can be other than UTF-8.
fn find(wanted: &OsStr) -> kbuild::Result<Kernel> {
    match wanted.to_str() {
        Some(text) => Kernel::find(text),
        None => Kernel::open(wanted),
    }
}

fn run_job(args: &BuildArgs, job: &Job, view: &View) -> Result<(), Failure> {
    let mut build = configure(args, job)?;
    let listener = view.clone();
    build.on_message(move |message| listener.message(message));
    let name = args.declared.name.as_deref();
    if args.how.dry_run {
        return dry_run(args, &build, name, job);
    }
    let made = OutDir::make(args.products.out_dir.as_deref())?;
    let report = match name {
        Some(name) => build.try_compile(name),
        None => build.try_compile_all(),
    };
    let report = report.inspect_err(|_| made.remove_if_unused())?;
    products::deliver(args, &report, &job.out_dir, view)?;
    tell(args, &report, &job.out_dir, view)
}

/// The builder that the flags describe.
fn configure(args: &BuildArgs, job: &Job) -> Result<Build, Failure> {
    let mut build = match &args.declared.name {
        Some(_) => declared(args),
        None => tree(args),
    };
    build.cargo_metadata(false).out_dir(&job.out_dir);

    let against = &args.against;
    if let Some(kernel) = &job.kernel {
        build.kernel(kernel);
    }
    if let Some(arch) = &against.arch {
        build.arch(arch);
    }
    if let Some(prefix) = &against.cross_compile {
        build.cross_compile(prefix);
    }
    if let Some(llvm) = &against.llvm {
        build.llvm(llvm);
    }
    if let Some(cc) = &against.cc {
        build.cc(cc);
    }

    let both = &args.both;
    for dir in &both.include {
        build.include(dir);
    }
    for file in &both.symvers {
        build.symvers(file);
    }
    build.missing_symvers(match both.missing_symvers {
        SymversPolicy::Error => MissingSymvers::Error,
        SymversPolicy::Warn => MissingSymvers::Warn,
    });
    for (name, value) in &both.config {
        build.config(name, *value);
    }
    for (name, value) in &both.make_var {
        build.make_var(name, value);
    }
    for (name, value) in &both.env {
        build.env(name, value);
    }
    for target in &both.target {
        build.target(target);
    }

    let how = &args.how;
    if let Some(jobs) = how.jobs {
        build.jobs(jobs.into());
    }
    if how.verbose > 0 {
        build.verbose(if how.verbose == 1 { "1" } else { "2" });
    }
    if let Some(level) = &how.warnings {
        build.extra_warnings(level);
    }
    Ok(build)
}

fn declared(args: &BuildArgs) -> Build {
    let mut build = Build::new();
    let declared = &args.declared;
    build.files(&args.inputs);
    for (name, value) in &declared.define {
        build.define(name, value.as_deref());
    }
    for flag in &declared.cflag {
        build.cflag(flag);
    }
    for flag in &declared.asflag {
        build.asflag(flag);
    }
    for flag in &declared.ldflag {
        build.ldflag(flag);
    }
    build
}

fn tree(args: &BuildArgs) -> Build {
    let dir = args.inputs.first().map_or(Path::new("."), PathBuf::as_path);
    let mut build = Build::tree(dir);
    if let Some(root) = &args.tree.root {
        build.root(root);
    }
    for glob in &args.tree.exclude {
        build.exclude(glob);
    }
    for command in &args.tree.prepare {
        build.prepare(command);
    }
    for file in &args.tree.prepare_input {
        build.prepare_input(file);
    }
    build
}

fn dry_run(args: &BuildArgs, build: &Build, name: Option<&str>, job: &Job) -> Result<(), Failure> {
    let plan = build.plan(name)?;
    match args.how.message_format {
        MessageFormat::Human => {
            if let Some(release) = &job.label {
                out::result(format!("# {release}"));
            }
            out::result(plan.to_string());
        }
        MessageFormat::Json => json::print(&Event::Plan {
            kernel: plan.kernel().release(),
            stage: json::path(plan.stage()),
            env: plan
                .env()
                .iter()
                // The pass phrase of a signing key: it is never written anywhere.
                .filter(|(name, _)| name != "KBUILD_SIGN_PIN")
                .map(|(name, value)| (json::text(name), json::text(value)))
                .collect(),
            args: plan.args().iter().map(|arg| json::text(arg)).collect(),
            command: plan.to_string(),
        }),
    }
    Ok(())
}

/// The results, and the sentence that ends a build.
fn tell(args: &BuildArgs, report: &Report, out_dir: &Path, view: &View) -> Result<(), Failure> {
    let release = report.kernel().map_or("", kbuild::Kernel::release);
    match args.how.message_format {
        MessageFormat::Human => {
            let asked = &args.both.target;
            view.closing(|time| products::sentence(report, asked, out_dir, time));
            for path in products::paths(report, out_dir) {
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
