//! The stated requirements of a module tree, and the kernels that meet them.

use std::path::{Path, PathBuf};

use kbuild::{
    Advice, Build, Error, Kernel, Requirement, RequirementKind, Requirements, UnmetRequirement,
};
use serde::Serialize;

use crate::args::{InfoArgs, MessageFormat};
use crate::builds::kernel_search;
use crate::ui::failure::Failure;
use crate::ui::json::{self, Reason};
use crate::ui::streams;
use crate::ui::text::printable;

/// The requirements of a module, compared with a kernel, in the form of the JSON.
#[derive(Serialize)]
struct Compared<'a> {
    /// The module tree.
    path: Option<String>,
    /// The module from sources.
    name: Option<&'a str>,
    /// The kernel; `None` if there is none.
    release: Option<&'a str>,
    kernel: Option<String>,
    /// Whether a build would start.
    met: Option<bool>,
    requirements: Vec<Row<'a>>,
    /// The error of a build.
    error: Option<Reason>,
    /// The warnings of a build.
    warnings: Vec<String>,
    /// The files that decide this.
    inputs: Vec<String>,
}

/// A requirement, in the form of the JSON.
#[derive(Serialize)]
struct Row<'a> {
    kind: RequirementKind,
    check: &'a str,
    stated_reason: Option<&'a str>,
    stated_in: &'a str,
    only_warns: bool,
    met: Option<bool>,
    found: Option<String>,
    advice: Vec<Advice>,
}

/// A kernel, and what it does not meet.
type KernelUnmet = (Kernel, Vec<UnmetRequirement>);

/// Whether a path is a module tree that states requirements, or the call states some.
pub(super) fn has_any(args: &InfoArgs, path: &Path) -> bool {
    let states = path.join("kbuild.toml").exists() || args.tree_root.is_some();
    path.is_dir() && (states || !args.requires.is_empty())
}

/// Prints the requirements of a module tree, or those of the call, and returns the failures.
pub(super) fn show(args: &InfoArgs, tree: Option<&Path>) -> Vec<Failure> {
    let requirements = match requirements(args, tree) {
        Ok(requirements) => requirements,
        Err(error) => return vec![error.into()],
    };
    let mut failures = Vec::new();
    let mut kernels = Vec::new();
    for kernel in selected(args) {
        let unmet = kernel.and_then(|kernel| Ok((requirements.unmet(&kernel)?, kernel)));
        match unmet {
            Ok((unmet, kernel)) => kernels.push((kernel, unmet)),
            Err(error) => failures.push(error.into()),
        }
    }
    match args.message_format {
        MessageFormat::Human => lines(args, &requirements, &kernels)
            .iter()
            .for_each(streams::result),
        MessageFormat::Json if kernels.is_empty() && failures.is_empty() => {
            json::print(&compared(args, tree, &requirements, None));
        }
        MessageFormat::Json => kernels
            .iter()
            .for_each(|kernel| json::print(&compared(args, tree, &requirements, Some(kernel)))),
    }
    failures
}

fn requirements(args: &InfoArgs, tree: Option<&Path>) -> kbuild::Result<Requirements> {
    let mut build = match tree {
        Some(tree) => Build::tree(tree),
        None => Build::new(),
    };
    build.cargo_metadata(false).on_message(|_| {});
    if let Some(root) = args.tree_root.as_ref().filter(|_| tree.is_some()) {
        build.tree_root(root);
    }
    // A file that is not there yet is a later provider's.
    let is_known = |file: &&PathBuf| args.providers_later.is_none() || file.exists();
    for file in args.symvers.iter().filter(is_known) {
        build.symvers(file);
    }
    args.requires.state(&mut build);
    build.requirements(args.name.as_deref())
}

fn selected(args: &InfoArgs) -> Vec<kbuild::Result<Kernel>> {
    if !args.kernel.is_empty() {
        let named = args.kernel.iter();
        return named.map(|name| kernel_search::named(name)).collect();
    }
    let installed = kernel_search::installed().into_iter();
    installed
        .filter_map(|one| one.kernel.ok())
        .map(Ok)
        .collect()
}

/// The error of a build for a kernel. A symbol that only a later provider can export is none.
fn error(
    args: &InfoArgs,
    requirements: &Requirements,
    kernel: &Kernel,
    unmet: &[UnmetRequirement],
) -> Option<Error> {
    let stated: Vec<&Requirement> = requirements.stated().collect();
    let is_decided = |index: usize| {
        let is_later = match args.providers_later.as_deref() {
            Some("files") => Path::new(&stated[index].origin).is_absolute(),
            which => which.is_some(),
        };
        let is_symbol = stated[index].kind == RequirementKind::Symbol;
        !(is_symbol && is_later) || kernel.symvers().is_none()
    };
    let mut unmet = unmet.iter();
    let is_refused = unmet.any(|one| !stated[one.index].only_warns && is_decided(one.index));
    requirements.error(kernel).filter(|_| is_refused)
}

fn compared<'a>(
    args: &'a InfoArgs,
    tree: Option<&Path>,
    requirements: &'a Requirements,
    kernel: Option<&'a KernelUnmet>,
) -> Compared<'a> {
    let (kernel, unmet) = (
        kernel.map(|(kernel, _)| kernel),
        kernel.map(|(_, unmet)| unmet),
    );
    let known = kernel.zip(unmet);
    let error = known.and_then(|(kernel, unmet)| error(args, requirements, kernel, unmet));
    let stated: Vec<&Requirement> = requirements.stated().collect();
    let rows = stated.iter().enumerate().map(|(index, one)| {
        let difference = unmet
            .into_iter()
            .flatten()
            .find(|unmet| unmet.index == index);
        Row {
            kind: one.kind,
            check: &one.check,
            stated_reason: one.reason.as_deref(),
            stated_in: &one.origin,
            only_warns: one.only_warns,
            met: kernel.map(|_| difference.is_none()),
            found: difference.map(|unmet| unmet.found.clone()),
            advice: difference
                .map(|unmet| unmet.advice.clone())
                .into_iter()
                .collect(),
        }
    });
    let warnings = unmet.into_iter().flatten();
    let warnings = warnings.filter(|one| stated[one.index].only_warns && error.is_none());
    Compared {
        path: tree.map(json::path),
        name: args.name.as_deref(),
        release: kernel.map(Kernel::release),
        kernel: kernel.map(|kernel| json::path(kernel.dir())),
        met: kernel.map(|_| error.is_none()),
        requirements: rows.collect(),
        warnings: warnings.map(|one| one.text.clone()).collect(),
        inputs: kernel
            .map(|kernel| requirements.inputs(kernel))
            .unwrap_or_default()
            .iter()
            .map(|path| json::path(path))
            .collect(),
        error: error.map(|error| Reason::from(&Failure::from(error))),
    }
}

/// The lines for a person.
fn lines(args: &InfoArgs, requirements: &Requirements, kernels: &[KernelUnmet]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in requirements.stated() {
        let word = if one.only_warns { "wants" } else { "requires" };
        let reason = match &one.reason {
            Some(reason) => format!(": {reason}"),
            None => String::new(),
        };
        let subject = match one.kind {
            RequirementKind::Kernel => "kernel ",
            RequirementKind::Arch => "architecture ",
            RequirementKind::Symbol => "symbol ",
            _ => "",
        };
        let line = format!(
            "  {word:<12}{subject}{} ({}){reason}",
            one.check, one.origin
        );
        lines.push(printable(&line).into_owned());
    }
    let stated: Vec<&Requirement> = requirements.stated().collect();
    for (kernel, unmet) in kernels {
        let said = unmet.iter().map(|one| {
            let requirement = stated[one.index];
            match requirement.kind {
                RequirementKind::Symbol => format!("{}: {}", requirement.check, one.found),
                _ => one.found.clone(),
            }
        });
        let said: Vec<String> = said.collect();
        let outcome = match (error(args, requirements, kernel, unmet), &said[..]) {
            (_, []) => "met".to_owned(),
            (None, said) => format!("met, with warnings: {}", said.join("; ")),
            (Some(_), said) => format!("not met: {}", said.join("; ")),
        };
        lines.push(format!("  {:<12}{}: {outcome}", "kernel", kernel.release()));
    }
    lines
}
