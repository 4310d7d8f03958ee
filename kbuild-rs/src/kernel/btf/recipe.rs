//! The command with which a kernel's kbuild gives a module its BTF (`cmd_btf_ko` in
//! `scripts/Makefile.modfinal`), for another base than the `vmlinux` in the kernel tree.
//!
//! # Decisions
//!
//! - kbuild runs the command itself, at its usual place, with its usual flags: releases differ
//!   (6.12 runs pahole, 7.2 a script). Only the base's path is another one.
//! - pahole runs without `-j`: it would start threads without tokens, and its output would depend on
//!   their order.

use std::path::Path;

use crate::error::names::BTF_BASE_NONE;
use crate::kernel::Kernel;
use crate::sys::regular;

/// The command for one module, as a makefile has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Recipe(pub(crate) String);

/// The reason why there is no recipe.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRecipe {
    /// `Makefile.modfinal` has no command for BTF, or one in an unknown form.
    Unknown,
    /// The command needs the kernel tree's `resolve_btfids`, which is missing.
    NeedsResolver,
}

/// A module that registers functions for BPF programs has their ids in this section. Without it,
/// `resolve_btfids` has nothing to do. objdump runs twice, because a pipe hides that it failed.
fn refuse_ids() -> String {
    format!(
        "$(OBJDUMP) -h $@ >/dev/null || exit 1; if $(OBJDUMP) -h $@ | grep -q '[.]BTF_ids'; then \
         echo '$@ registers functions for BPF programs (section .BTF_ids), which needs \
         tools/bpf/resolve_btfids/resolve_btfids in the kernel tree. Build it in the source of that \
         kernel, or build this module without BTF ({BTF_BASE_NONE})' 1>&2; false; fi"
    )
}

/// The program of the kernel tree.
const RESOLVER: &str = "tools/bpf/resolve_btfids/resolve_btfids";

impl Recipe {
    /// The command of a kernel for the base at `base`, a path without special characters.
    /// `own_resolver` tells whether the caller has set `RESOLVE_BTFIDS`.
    pub(crate) fn of(kernel: &Kernel, base: &Path, own_resolver: bool) -> Result<Recipe, NoRecipe> {
        let file = kernel.source_dir().join("scripts/Makefile.modfinal");
        let text = regular::read_to_string(file).map_err(|_| NoRecipe::Unknown)?;
        let base = base.to_str().ok_or(NoRecipe::Unknown)?;
        let has_resolver = own_resolver || kernel.dir().join(RESOLVER).is_file();
        Recipe::from_text(&text, base, has_resolver)
    }

    pub(in crate::kernel) fn from_text(
        text: &str,
        base: &str,
        has_resolver: bool,
    ) -> Result<Recipe, NoRecipe> {
        let command = command(text).ok_or(NoRecipe::Unknown)?;
        let mut recipe = with_base(&command, base).ok_or(NoRecipe::Unknown)?;
        if !has_resolver {
            if recipe.contains("gen-btf.sh") {
                return Err(NoRecipe::NeedsResolver);
            }
            let resolve = format!("$(RESOLVE_BTFIDS) -b {base} $@");
            recipe = recipe.replace(&resolve, &refuse_ids());
            if recipe.contains("$(RESOLVE_BTFIDS)") {
                return Err(NoRecipe::NeedsResolver);
            }
        }
        const FLAGS: &str = "$(PAHOLE_FLAGS)";
        const ONE_THREAD: &str = "$(filter-out -j%,$(PAHOLE_FLAGS))";
        recipe = match recipe.contains(FLAGS) {
            true => recipe.replace(FLAGS, ONE_THREAD),
            // A script reads them from the environment. They may contain quotes.
            false => {
                format!("export PAHOLE_FLAGS='$(subst ','\\'',{ONE_THREAD})'; {recipe}")
            }
        };
        Ok(Recipe(recipe))
    }

    /// The lines for a makefile that make reads before kbuild's.
    pub(crate) fn lines(&self) -> Vec<u8> {
        format!("override cmd_btf_ko = {}\n", self.0).into_bytes()
    }

    /// The same lines for modules without BTF.
    pub(crate) fn lines_for_none() -> Vec<u8> {
        b"override cmd_btf_ko = :\noverride quiet_cmd_btf_ko =\n".to_vec()
    }
}

/// The text of the command, in one line.
fn command(text: &str) -> Option<String> {
    let mut lines = text.lines();
    let first = lines.by_ref().find_map(|line| {
        let value = line.trim_start().strip_prefix("cmd_btf_ko")?.trim_start();
        value.strip_prefix('=')
    })?;
    let mut command = String::new();
    let mut next = Some(first);
    while let Some(line) = next {
        let (line, goes_on) = match line.trim_end().strip_suffix('\\') {
            Some(line) => (line, true),
            None => (line, false),
        };
        command.push(' ');
        command.push_str(line.trim());
        next = lines.next().filter(|_| goes_on);
    }
    let is_known = !command.contains('#') && command.len() < 4096;
    is_known.then(|| command.trim().to_owned())
}

/// The command with another path for `vmlinux`; `None` if it does not name that.
fn with_base(command: &str, base: &str) -> Option<String> {
    let command = command.replace("$(objtree)/vmlinux", "vmlinux");
    let mut text = String::new();
    let mut rest = command.as_str();
    let mut is_named = false;
    while let Some(at) = rest.find("vmlinux") {
        let (before, behind) = rest.split_at(at);
        let behind = &behind["vmlinux".len()..];
        // The message about a missing file names it, too.
        let is_path = before.ends_with([' ', '\t']) && behind.starts_with([' ', '\t', ';']);
        text.push_str(before);
        text.push_str(if is_path { base } else { "vmlinux" });
        is_named |= is_path;
        rest = behind;
    }
    text.push_str(rest);
    is_named.then_some(text)
}
