//! A kernel tree as `kbuild-rs kernels` describes it: its files, and its capabilities.

use std::env;
use std::path::Path;

use kbuild::{Compiler, Installed, Kernel, ToolRequest};
use serde::Serialize;

use crate::ui::failure::Failure;
use crate::ui::json::{self, Reason};

/// A tree, in the form of the JSON.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) release: String,
    pub(super) path: String,
    /// The value of `--kernel` that selects this tree: its release, or its path if the release
    /// selects another tree or none.
    pub(super) kernel: String,
    /// Whether `build` would take it without `--kernel`.
    pub(super) default: bool,
    #[serde(flatten)]
    pub(super) state: State,
}

/// One of two forms. `usable` tells which one.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum State {
    Usable(Box<Tree>),
    Broken { usable: bool, error: Reason },
}

#[derive(Serialize)]
pub(super) struct Tree {
    pub(super) usable: bool,
    pub(super) arch: String,
    pub(super) source: String,
    pub(super) compiler: Tools,
    pub(super) has_modules: bool,
    pub(super) symvers: Option<String>,
    pub(super) vmlinux: Option<String>,
    pub(super) has_btf: bool,
    pub(super) has_rust: bool,
    pub(super) has_modversions: bool,
    pub(super) has_signing: bool,
    pub(super) requires_signing: bool,
}

/// The compiler that the kernel was built with, and the one that this machine would use.
#[derive(Serialize)]
pub(super) struct Tools {
    #[serde(flatten)]
    pub(super) built_with: Compiler,
    /// make's variables with the tools that a build here would use.
    pub(super) variables: Vec<(String, String)>,
    pub(super) notes: Vec<String>,
    /// The reason why a build here would not find a compiler.
    pub(super) missing: Option<Reason>,
}

/// Describes a tree. `by_release` tells whether `--kernel` with the tree's release takes this tree.
pub(super) fn row(installed: Installed, default: Option<&Path>, by_release: bool) -> Row {
    let path = json::path(&installed.dir);
    let kernel = if by_release {
        &installed.release
    } else {
        &path
    };
    Row {
        kernel: kernel.clone(),
        release: installed.release,
        path,
        default: default == Some(&installed.dir),
        state: match installed.kernel {
            Ok(kernel) => State::Usable(Box::new(tree(&kernel))),
            Err(error) => State::Broken {
                usable: false,
                error: Reason::from(&Failure::from(error)),
            },
        },
    }
}

fn tree(kernel: &Kernel) -> Tree {
    Tree {
        usable: true,
        arch: kernel.arch().to_owned(),
        source: json::path(kernel.source_dir()),
        compiler: tools(kernel),
        has_modules: kernel.is_enabled("MODULES"),
        symvers: kernel.symvers().as_deref().map(json::path),
        vmlinux: kernel.vmlinux().as_deref().map(json::path),
        // The setting gives no BTF if the kernel image is missing.
        has_btf: kernel.has_btf() && kernel.vmlinux().is_some(),
        has_rust: kernel.has_rust(),
        has_modversions: kernel.has_modversions(),
        has_signing: kernel.has_signing(),
        requires_signing: kernel.requires_signing(),
    }
}

fn tools(kernel: &Kernel) -> Tools {
    let path = env::var_os("PATH").unwrap_or_default();
    let asked = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let (cross_compile, llvm) = (asked("CROSS_COMPILE"), asked("LLVM"));
    let chosen = kernel.toolchain(&ToolRequest {
        arch: None,
        cc: None,
        cross_compile: cross_compile.as_deref(),
        llvm: llvm.as_deref(),
        rust_target: None,
        path: &path,
    });
    let (variables, notes, missing) = match chosen {
        Ok(chosen) => (chosen.variables, chosen.notes, None),
        Err(error) => (
            Vec::new(),
            Vec::new(),
            Some(Reason::from(&Failure::from(error))),
        ),
    };
    Tools {
        built_with: kernel.compiler().clone(),
        variables,
        notes,
        missing,
    }
}
