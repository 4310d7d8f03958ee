//! Turns flags into the library's builder.

use std::path::Path;

use kbuild::{Build, MissingSymvers};

use super::out_dir::OutDir;
use super::selection::SelectedBuild;
use crate::args::{BuildArgs, SymversPolicy};

/// The builder that the flags describe.
pub(super) fn configure(args: &BuildArgs, selected: &SelectedBuild) -> Build {
    let mut build = match &args.declared.name {
        Some(_) => declared(args),
        None => tree(args, selected.tree.as_deref().unwrap_or(Path::new("."))),
    };
    build.cargo_metadata(false).out_dir(&selected.out_dir);
    if let Some(kernel) = &selected.kernel_dir {
        build.kernel(kernel);
    }
    set_toolchain(&mut build, args);
    set_flags(&mut build, args);
    set_make_input(&mut build, args);
    args.requires.state(&mut build);
    set_run(&mut build, args);
    for name in &args.products.module {
        build.module(name);
    }
    build
}

fn set_toolchain(build: &mut Build, args: &BuildArgs) {
    let kernel = &args.kernel;
    if let Some(arch) = &kernel.arch {
        build.arch(arch);
    }
    if let Some(prefix) = &kernel.cross_compile {
        build.cross_compile(prefix);
    }
    if let Some(llvm) = &kernel.llvm {
        build.llvm(llvm);
    }
    if let Some(cc) = &kernel.cc {
        build.cc(cc);
    }
    if let Some(rustc) = &kernel.rustc {
        build.rustc(rustc);
    }
}

/// Headers and flags for compilers.
fn set_flags(build: &mut Build, args: &BuildArgs) {
    let common = &args.common;
    if let Some(base) = &common.base {
        build.base(base);
    }
    for dir in &common.include {
        build.include(dir);
    }
    for (name, value) in &common.define {
        build.define(name, value.as_deref());
    }
    for flag in common.cflags() {
        build.cflag(flag);
    }
    for flag in &common.asflag {
        build.asflag(flag);
    }
    for (name, value) in &common.cfg {
        build.cfg(name, value.as_deref());
    }
    for flag in &common.rustflag {
        build.rustflag(flag);
    }
    build.clippy(common.clippy);
}

/// Symbols, configuration, variables and targets.
fn set_make_input(build: &mut Build, args: &BuildArgs) {
    let common = &args.common;
    // A value that names a folder is a provider among the builds of this call.
    for file in common.symvers.iter().filter(|path| !path.is_dir()) {
        build.symvers(file);
    }
    build.missing_symvers(match common.missing_symvers {
        SymversPolicy::Error => MissingSymvers::Error,
        SymversPolicy::Warn => MissingSymvers::Warn,
    });
    if let Some(base) = &common.btf_base {
        build.btf_base(base.clone());
    }
    for (name, value) in &common.config {
        build.config(name, *value);
    }
    for (name, value) in &common.make_var {
        build.make_var(name, value);
    }
    for (name, value) in &common.env {
        build.env(name, value);
    }
    for target in &common.target {
        build.target(target);
    }
}

fn set_run(build: &mut Build, args: &BuildArgs) {
    let run = &args.run;
    if let Some(jobs) = run.jobs {
        build.jobs(jobs.into());
    }
    let out_dir = OutDir::path(args.products.out_dir.as_deref());
    build.default_pool_dir(out_dir);
    if let Some(dir) = &run.pool_dir {
        build.pool_dir(dir);
    }
    if run.verbose > 0 {
        build.verbose(if run.verbose == 1 { "1" } else { "2" });
    }
    if let Some(level) = &run.extra_warnings {
        build.extra_warnings(level);
    }
    build.shortcut(!run.no_shortcut);
    if let Some(dir) = &run.cache {
        build.cache(dir);
    }
    if run.no_cache {
        build.no_cache();
    }
    build.sandbox(run.sandbox);
    for what in &run.sandbox_allow {
        build.sandbox_allow(what);
    }
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
    if let Some(root) = &args.tree.tree_root {
        build.tree_root(root);
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
