//! The checks across flags.

use std::path::PathBuf;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::build::BuildArgs;
use super::cache::{CacheArgs, CacheVerb};
use super::cli::{Cli, Verb};
use super::ide::IdeArgs;

impl Cli {
    /// Refuses combinations of flags that cannot work. The message says what to do.
    pub(crate) fn check(&self) -> Result<(), clap::Error> {
        let (verb, checked) = match &self.verb {
            Verb::Build(args) => ("build", build(args)),
            Verb::Ide(args) => ("ide", ide(args)),
            Verb::Cache(CacheArgs {
                verb: CacheVerb::Verify(args),
            }) => ("cache", build(&args.build)),
            _ => return Ok(()),
        };
        checked.map_err(|message| usage_error(verb, message))
    }
}

/// An error in the form of clap's own errors.
fn usage_error(verb: &str, message: String) -> clap::Error {
    let mut program = Cli::command();
    program.build();
    match program.find_subcommand_mut(verb) {
        Some(verb) => verb.error(ErrorKind::ArgumentConflict, message),
        None => program.error(ErrorKind::ArgumentConflict, message),
    }
}

/// As [`build`], for one kernel: an editor only supports one.
fn ide(args: &IdeArgs) -> Result<(), String> {
    if args.build.kernel.named.len() > 1 || args.build.kernel.all_kernels {
        return Err("an editor shows the code for one kernel: name only one".to_owned());
    }
    build(&args.build)
}

fn build(args: &BuildArgs) -> Result<(), String> {
    let trees = match &args.declared.name {
        Some(name) => {
            declared(args, name)?;
            1
        }
        None => {
            tree(args)?;
            args.inputs.len()
        }
    };
    if args.kernel.named.len() > 1 || args.kernel.all_kernels || trees > 1 {
        several(args)?;
    }
    if trees > 1 && !args.products.module.is_empty() {
        return Err(
            "--module names a module of one module tree, but several are given: build one module \
             tree per call"
                .to_owned(),
        );
    }
    Ok(())
}

/// Flags that name one file cannot be about several builds.
fn several(args: &BuildArgs) -> Result<(), String> {
    let products = &args.products;
    let flag = first_given(&[
        ("--output", !products.output.is_empty()),
        ("--depfile", products.depfile.is_some()),
        (
            "--compile-commands-record",
            products.compile_commands_record.is_some(),
        ),
        ("--stamp", products.stamp.is_some()),
    ]);
    match flag {
        Some(flag) => Err(format!(
            "{flag} names one file, but this call has several builds: run the program once for \
             each kernel and module tree"
        )),
        None => Ok(()),
    }
}

fn declared(args: &BuildArgs, name: &str) -> Result<(), String> {
    if args.inputs.is_empty() {
        return Err(format!(
            "--name {name} needs the sources of the module:\n    kbuild-rs build --name {name} \
             {name}.c"
        ));
    }
    let tree = &args.tree;
    let flag = first_given(&[
        ("--tree-root", tree.tree_root.is_some()),
        ("--exclude", !tree.exclude.is_empty()),
        ("--prepare", !tree.prepare.is_empty()),
        ("--prepare-input", !tree.prepare_input.is_empty()),
        ("--product", !tree.product.is_empty()),
    ]);
    match flag {
        Some(flag) => Err(format!(
            "{flag} is for a module tree, but --name {name} builds from a list of sources: leave \
             one of them out"
        )),
        None => Ok(()),
    }
}

fn tree(args: &BuildArgs) -> Result<(), String> {
    let declared = &args.declared;
    let flag = first_given(&[
        ("--ldflag", !declared.ldflag.is_empty()),
        ("--bindings", !declared.bindings.is_empty()),
        ("--bindings-item", !declared.bindings_item.is_empty()),
    ]);
    if let Some(flag) = flag {
        return Err(format!(
            "{flag} only works with --name, which builds a module from sources. For a module \
             tree, set this in its Kbuild"
        ));
    }
    if !args.tree.prepare_input.is_empty() && args.tree.prepare.is_empty() {
        return Err(
            "--prepare-input lists files that --prepare reads, but --prepare is missing: add \
             --prepare, or remove --prepare-input"
                .to_owned(),
        );
    }
    let is_source = |input: &&PathBuf| {
        let extension = input.extension().unwrap_or_default();
        input.is_file() || (!input.exists() && ["c", "S", "rs"].iter().any(|e| extension == *e))
    };
    match args.inputs.iter().find(is_source) {
        Some(file) => Err(format!(
            "{0} is a file, but a module tree is a folder. To build a module from sources, name \
             it:\n    kbuild-rs build --name NAME {0}",
            file.display()
        )),
        None => Ok(()),
    }
}

fn first_given<'a>(flags: &[(&'a str, bool)]) -> Option<&'a str> {
    let flag = flags.iter().find(|(_, given)| *given);
    flag.map(|(flag, _)| *flag)
}
