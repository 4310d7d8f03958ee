//! From flags to the library's builder.

use std::path::Path;

use kbuild::{Build, MissingSymvers};

use crate::args::build::{BuildArgs, SymversPolicy};
use crate::args::parsers::cmake_words;
use crate::builds::out_dir::OutDir;
use crate::builds::selection::Job;

/// The builder that the flags describe.
pub(crate) fn configure(args: &BuildArgs, job: &Job) -> Build {
    let mut build = match &args.declared.name {
        Some(_) => declared(args),
        None => tree(args, job.tree.as_deref().unwrap_or(Path::new("."))),
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
    if let Some(rustc) = &against.rustc {
        build.rustc(rustc);
    }

    let both = &args.both;
    if let Some(base) = &both.base {
        build.base(base);
    }
    build.clippy(both.clippy);
    // Those that name a folder are providers among the builds of this call.
    for file in both.symvers.iter().filter(|path| !path.is_dir()) {
        build.symvers(file);
    }
    for dir in &both.include {
        build.include(dir);
    }
    for (name, value) in &both.define {
        build.define(name, value.as_deref());
    }
    let of_cmake = both
        .cmake_option
        .iter()
        .flat_map(|option| cmake_words(option));
    for flag in both.cflag.iter().cloned().chain(of_cmake.map(Into::into)) {
        build.cflag(flag);
    }
    for flag in &both.asflag {
        build.asflag(flag);
    }
    for (name, value) in &both.cfg {
        build.cfg(name, value.as_deref());
    }
    for flag in &both.rustflag {
        build.rustflag(flag);
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
    let out_dir = OutDir::path(args.products.out_dir.as_deref());
    build.default_pool_dir(out_dir);
    if let Some(dir) = &how.pool_dir {
        build.pool_dir(dir);
    }
    if how.verbose > 0 {
        build.verbose(if how.verbose == 1 { "1" } else { "2" });
    }
    if let Some(level) = &how.warnings {
        build.extra_warnings(level);
    }
    build
}

fn declared(args: &BuildArgs) -> Build {
    let mut build = Build::new();
    let declared = &args.declared;
    build.files(&args.inputs);
    for header in &declared.bindings {
        build.bindings(header);
    }
    for item in &declared.bindings_item {
        build.bindings_item(item);
    }
    for flag in &declared.ldflag {
        build.ldflag(flag);
    }
    build
}

fn tree(args: &BuildArgs, dir: &Path) -> Build {
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
    for file in &args.tree.product {
        build.product(file);
    }
    build
}
