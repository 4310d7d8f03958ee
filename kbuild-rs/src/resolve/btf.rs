//! The way in which modules get their BTF.
//!
//! # Decisions
//!
//! - If kbuild-rs chooses the base, kbuild still runs the kernel's own command for BTF, at its usual
//!   place in the build ([`Recipe`]). So products, signatures and records need no step of their own.
//! - If the kernel tree has a vmlinux, `auto` leaves everything to kbuild.
//! - `auto` never fails because there is no base: it stands for the best that this machine can do. A
//!   named file that cannot be used is an error.
//! - A missing pahole is an error with `auto`, too: there is a base, and one command installs it.
//! - An image is unpacked when make is about to start, and not here: a build with nothing to do does
//!   not read it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Context;
use super::target::search_path;
use crate::error::names::{BTF_BASE_FILE, BTF_BASE_NONE, MAKE_VAR};
use crate::kernel::Kernel;
use crate::kernel::btf::{Found, NoRecipe, Recipe, SHOWN};
use crate::make::find_program;
use crate::settings::BtfBase;
use crate::sys::regular;
use crate::{Error, ErrorKind, Result};

/// The beginning of the entry for the record.
pub(super) const ENTRY: &[u8] = b"the BTF base=";

/// The BTF of a build.
#[derive(Debug, Default)]
pub(crate) struct Btf {
    pub(crate) way: BtfWay,
    /// The pahole that make starts, if kbuild-rs checks it.
    pub(crate) pahole: Option<PathBuf>,
    /// The programs in the caller's `RESOLVE_BTFIDS`.
    pub(crate) resolver: Vec<PathBuf>,
    /// Whether the caller replaces the kernel's flags for pahole.
    pub(crate) own_flags: bool,
    /// Lines for the makefile that every make reads first.
    pub(crate) lines: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) enum BtfWay {
    /// kbuild decides.
    #[default]
    Kbuild,
    /// kbuild takes the vmlinux in the kernel tree.
    Tree(PathBuf),
    /// Modules get none.
    Off,
    /// From a base that kbuild-rs found.
    From(BtfSource),
}

/// A base, and its place in the private folder.
#[derive(Debug)]
pub(crate) struct BtfSource {
    pub(crate) file: PathBuf,
    /// The text that tells the running kernel from others, if this is its BTF.
    pub(crate) running: Option<String>,
    /// Whether the caller named the file.
    pub(crate) is_named: bool,
    /// The copy that pahole reads.
    pub(crate) copy: PathBuf,
    /// The file that tells what the copy was made from.
    pub(crate) stamp: PathBuf,
}

impl Btf {
    pub(super) fn of(context: &Context<'_>, env: &[(OsString, OsString)]) -> Result<Btf> {
        let Context {
            settings, kernel, ..
        } = context;
        let Some(asked) = &settings.btf_base else {
            return Ok(Btf::default());
        };
        if !kernel.has_btf() {
            return match asked {
                BtfBase::None => Ok(Btf::default()),
                BtfBase::Auto => {
                    settings.sink.note(&without(kernel));
                    Ok(Btf::default())
                }
                BtfBase::File(_) => Err(Error::new(ErrorKind::KernelConfig, without(kernel))),
            };
        }
        let way = match asked {
            BtfBase::None => BtfWay::Off,
            BtfBase::File(file) => BtfWay::From(named(context, file)?),
            BtfBase::Auto => found(context),
        };
        let resolver = match &way {
            BtfWay::Tree(_) | BtfWay::From(_) => resolver(context, env)?,
            BtfWay::Kbuild | BtfWay::Off => Vec::new(),
        };
        let lines = match &way {
            BtfWay::Kbuild | BtfWay::Tree(_) => Vec::new(),
            BtfWay::Off => Recipe::lines_for_none(),
            BtfWay::From(source) => recipe(kernel, &source.copy, !resolver.is_empty())?.lines(),
        };
        let pahole = match &way {
            BtfWay::Kbuild | BtfWay::Off => None,
            BtfWay::Tree(_) | BtfWay::From(_) => Some(pahole(context, env)?),
        };
        let own_flags = settings.make_vars.iter().any(|(n, _)| n == "PAHOLE_FLAGS");
        Ok(Btf {
            way,
            pahole,
            resolver,
            own_flags,
            lines,
        })
    }

    /// The file with the base. Its times tell whether it changed.
    fn file(&self) -> Option<&Path> {
        match &self.way {
            BtfWay::From(source) if source.running.is_none() => Some(&source.file),
            _ => None,
        }
    }

    /// The files whose change starts a build from nothing, if `known` does not have them.
    pub(super) fn files(&self, known: &[PathBuf]) -> Vec<PathBuf> {
        let programs = self.pahole.iter().chain(&self.resolver);
        let programs = programs.filter(|file| !known.contains(file));
        let base = self.file().map(Path::to_owned);
        programs.cloned().chain(base).collect()
    }

    /// The entry for the record of a build.
    pub(crate) fn config(&self) -> Option<Vec<u8>> {
        let mut entry = ENTRY.to_vec();
        match &self.way {
            BtfWay::Kbuild => return None,
            // kbuild makes the same bytes without kbuild-rs, but did not compare the releases.
            BtfWay::Tree(_) => entry.extend(b"tree"),
            BtfWay::Off => entry.extend(b"none"),
            BtfWay::From(source) => {
                entry.extend(source.file.as_os_str().as_bytes());
                let version = source.running.iter().flat_map(|text| text.bytes());
                entry.push(b'\n');
                entry.extend(version);
            }
        }
        Some(entry)
    }
}

/// Modules of this kernel get no BTF, and why.
fn without(kernel: &Kernel) -> String {
    let missing = match kernel.is_enabled("DEBUG_INFO_BTF") {
        true => "CONFIG_DEBUG_INFO_BTF_MODULES is not set",
        false => "CONFIG_DEBUG_INFO_BTF is not set",
    };
    let old = match kernel.version() < (5, 11) {
        true => ". Kernels know BTF of modules since 5.11",
        false => "",
    };
    format!(
        "modules for {} have no BTF, and this kernel would not read it: {missing}{old}",
        kernel.release()
    )
}

/// The base that the caller named.
fn named(context: &Context<'_>, file: &Path) -> Result<BtfSource> {
    let file = context.site.base.join(file);
    regular::look(&file).map_err(|e| {
        Error::new(
            ErrorKind::SourceNotFound,
            format!(
                "the BTF base {} cannot be read: {e}. Name a vmlinux, a vmlinuz, or a file of BTF \
                 ({BTF_BASE_FILE})",
                file.display()
            ),
        )
    })?;
    let is_shown = std::fs::canonicalize(&file).is_ok_and(|real| real == Path::new(SHOWN));
    if !is_shown {
        return Ok(source(context, file, None, true));
    }
    let running = context.kernel.is_running().map_err(|why| {
        let own = context.kernel.release();
        Error::input(format!(
            "the BTF base {} is that of the running kernel, but this build is for {own}: {why}. Name a \
             vmlinux or vmlinuz of {own} ({BTF_BASE_FILE})",
            file.display()
        ))
    })?;
    Ok(source(context, file, Some(running), true))
}

/// The base that is here for this kernel.
fn found(context: &Context<'_>) -> BtfWay {
    let kernel = context.kernel;
    if let Some(vmlinux) = kernel.vmlinux() {
        return BtfWay::Tree(vmlinux);
    }
    let search = kernel.find_btf_base();
    match search.found {
        Some(Found::Running(file, version)) => {
            BtfWay::From(source(context, file, Some(version), false))
        }
        Some(Found::Image(file)) => BtfWay::From(source(context, file, None, false)),
        None => {
            let passed = search.passed.join("\n    ");
            context.settings.sink.note(&format!(
                "the modules get no BTF, because the BTF of {} is not on this machine. Name a \
                 vmlinux or vmlinuz of that kernel ({BTF_BASE_FILE}). These places were searched:\n    \
                 {passed}",
                kernel.release()
            ));
            BtfWay::Off
        }
    }
}

fn source(
    context: &Context<'_>,
    file: PathBuf,
    running: Option<String>,
    is_named: bool,
) -> BtfSource {
    let folder = context.site.folder.join("btf");
    BtfSource {
        file,
        running,
        is_named,
        copy: folder.join("base"),
        stamp: folder.join("from"),
    }
}

/// The kernel's command for BTF.
fn recipe(kernel: &Kernel, base: &Path, own_resolver: bool) -> Result<Recipe> {
    Recipe::of(kernel, base, own_resolver).map_err(|why| {
        let why = match why {
            NoRecipe::Unknown => format!(
                "kbuild-rs does not understand how this kernel gives modules their BTF (cmd_btf_ko \
                 in {}/scripts/Makefile.modfinal). Build without BTF ({BTF_BASE_NONE})",
                kernel.source_dir().display()
            ),
            NoRecipe::NeedsResolver => format!(
                "{}/tools/bpf/resolve_btfids/resolve_btfids is missing, and this kernel writes BTF \
                 with it. Install the whole package of headers, name it with RESOLVE_BTFIDS=FILE \
                 ({MAKE_VAR}), or build it in the source of that kernel:\n    make modules_prepare",
                kernel.dir().display()
            ),
        };
        Error::new(
            ErrorKind::KernelNotPrepared,
            format!("modules for {} cannot get BTF: {why}", kernel.release()),
        )
    })
}

/// The value that the caller gives a variable.
fn given<'a>(context: &Context<'a>, name: &str) -> Option<&'a OsStr> {
    let mut all = context.settings.make_vars.iter().rev();
    let (_, value) = all.find(|(other, _)| other == name)?;
    Some(value)
}

/// The programs in the caller's `RESOLVE_BTFIDS`: `resolve_btfids`, and perhaps one that starts it.
fn resolver(context: &Context<'_>, env: &[(OsString, OsString)]) -> Result<Vec<PathBuf>> {
    let value = given(context, "RESOLVE_BTFIDS").unwrap_or_default();
    let words = value.to_string_lossy();
    let find = |word: &str| match word.contains('/') {
        true => Some(PathBuf::from(word)).filter(|file| file.is_absolute() && file.is_file()),
        false => find_program(word, env),
    };
    let found: Vec<_> = words.split_whitespace().filter_map(find).collect();
    if found.is_empty() && !words.trim().is_empty() {
        return Err(Error::input(format!(
            "RESOLVE_BTFIDS is {value:?}, which does not exist. Name a program in PATH, or write an \
             absolute path ({MAKE_VAR})"
        )));
    }
    Ok(found)
}

/// The pahole that make starts.
fn pahole(context: &Context<'_>, env: &[(OsString, OsString)]) -> Result<PathBuf> {
    let name = given(context, "PAHOLE").unwrap_or(OsStr::new("pahole"));
    let text = name.to_str().filter(|text| {
        // make runs in the kernel tree.
        !text.contains('/') || Path::new(text).is_absolute()
    });
    let text = text.ok_or_else(|| {
        Error::input(format!(
            "PAHOLE is {name:?}. Name a program in PATH, or write an absolute path ({MAKE_VAR})"
        ))
    })?;
    context.kernel.pahole(text, search_path(env))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_compares_the_trees_vmlinux_is_another_one_than_plain_kbuild() {
        let of = |way: BtfWay| Btf {
            way,
            ..Btf::default()
        };
        assert_eq!(of(BtfWay::Kbuild).config(), None);
        let tree = of(BtfWay::Tree("/k/vmlinux".into())).config().unwrap();
        assert!(tree.starts_with(ENTRY) && of(BtfWay::Off).config() != Some(tree));
    }
}
