//! Builds with Rust: their Rust sources, the rustc for them, and its arguments.

pub(crate) mod crate_files;
mod crates;
mod exports;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::declared::Layout;
use super::make_input::prefix_maps;
use super::target::{Wanted, search_path};
use super::{Context, Sources};
use crate::error::Advice;
use crate::kernel::{RustRequest, Rustc, Toolchain, of_rustup};
use crate::make::{PathMap, find_program};
use crate::settings::Settings;
use crate::stage::add_entries;
use crate::syntax::{argument_file, is_carryable};
use crate::sys::regular;
use crate::{Error, ErrorKind, Kernel, Result};
use crates::Crates;

pub(crate) use crate_files::other_place;

/// The private file of a module folder that describes the compiler.
const NOTE: &str = "rustc";

/// A build that may contain Rust.
pub(super) struct Compiled<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) sources: &'a Sources,
    pub(super) map: &'a PathMap,
    /// The C flags for headers.
    pub(super) headers: &'a [OsString],
    pub(super) tools: &'a Toolchain,
    /// make's environment.
    pub(super) env: &'a [(OsString, OsString)],
}

/// The input of make for Rust.
#[derive(Default)]
pub(super) struct RustInput {
    pub(super) rustc: Option<PathBuf>,
    /// Variables for the command line.
    pub(super) variables: Vec<(String, String)>,
    pub(super) env: Vec<(OsString, OsString)>,
    /// Files whose change starts a build from nothing.
    pub(super) whole: Vec<PathBuf>,
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
}

/// The input for the Rust in a build; empty if there is none.
///
/// # Errors
/// Every problem that would make rustc fail, found before make starts.
pub(super) fn input(compiled: &Compiled<'_>) -> Result<RustInput> {
    let Compiled {
        context, sources, ..
    } = *compiled;
    let Context {
        settings,
        kernel,
        site,
        ..
    } = *context;
    let mut input = RustInput::default();
    let named = named(
        context,
        settings.rust.rustc.as_ref(),
        ["RUSTC", "KBUILD_RS_RUSTC"],
    );
    let flags = settings.flags.rust.file(kernel)?;
    let crates = match sources {
        Sources::Declared(layout) => Crates::certain(&layout.rust.crates),
        // A caller with settings for rustc may know of crates that appear during the build.
        Sources::Tree { dir, .. } => {
            Crates::of_tree(dir, named.is_some() || !settings.flags.rust.is_empty())
        }
    };
    if crates.is_empty() {
        return Ok(input);
    }
    let flags_dir = site.flags_dir();
    let note = site.folder.join(NOTE);
    let mut notes = vec![note.clone()];
    if !note.exists() {
        add_entries(&site.stage.shared, NOTE, &mut notes)?;
    }
    let request = request(
        settings,
        named.as_deref(),
        search_path(compiled.env),
        &notes,
    );
    if let Some(rustc) = crates.rustc(settings, kernel, compiled.tools, &request)? {
        if kernel.lacks_symbol_versions() {
            exports::check(kernel, sources)?;
        }
        let mut set = |name: &str, value: String| input.variables.push((name.into(), value));
        set("RUSTC", rustc.file.display().to_string());
        if settings.rust.clippy {
            let driver = clippy(&rustc)?;
            set("CLIPPY", "1".into());
            set("CLIPPY_DRIVER", driver.display().to_string());
            input.whole.push(driver);
        }
        input.whole.extend(whole(kernel, &rustc));
        input.files.push((note, rustc.note()));
        let map = map_file(compiled.map)?;
        input.files.push((flags_dir.join("map-rs"), map));
        input.files.push((flags_dir.join("rs"), flags));
        input.rustc = Some(rustc.file);
    }
    if let Sources::Declared(layout) = sources {
        for (name, text) in layout.bind_files(compiled.headers) {
            let file = flags_dir.join(name);
            input.files.push((file, text.into_bytes()));
        }
        add_bindgen(layout, compiled, &mut input)?;
    }
    Ok(input)
}

/// The named program of a tool.
fn named(context: &Context<'_>, own: Option<&String>, variables: [&str; 2]) -> Option<String> {
    Wanted::of(context.settings).tool(context.settings, own, variables)
}

/// The crates that a build compiles for any kernel.
#[cfg(feature = "ide")]
pub(crate) fn roots(sources: &Sources) -> Vec<PathBuf> {
    match sources {
        Sources::Declared(layout) => layout.rust.crates.clone(),
        Sources::Tree { dir, .. } => Crates::of_tree(dir, false).certain,
    }
}

/// The possible places of a compiler: `PATH`, Cargo's own, rustup's toolchains.
fn request<'a>(
    settings: &Settings,
    rustc: Option<&'a str>,
    path: &'a OsStr,
    notes: &[PathBuf],
) -> RustRequest<'a> {
    let mut others: Vec<PathBuf> = settings
        .environment
        .of_cargo("RUSTC")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = set("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&set("HOME")?).join(".rustup")));
    others.extend(home.iter().flat_map(|home| of_rustup(home)));
    others.retain(|file| file.is_absolute());
    RustRequest {
        rustc,
        path,
        others,
        known: notes.iter().flat_map(regular::read).collect(),
    }
}

/// The contents of `KRUSTFLAGS`. rustc reads one argument per line.
///
/// Some makefiles narrow all maps if sources and objects are in different folders
/// (`--remap-path-scope=macro`, 7.3 with rustc 1.95). In a stage they are in the same folder.
fn map_file(map: &PathMap) -> Result<Vec<u8>> {
    argument_file(&prefix_maps("--remap-path-prefix=", map))
}

/// Adds bindgen for the headers that Rust sources call, if there are any. rustc gets the results'
/// paths in the environment.
///
/// # Errors
/// [`ErrorKind::ToolNotFound`] if bindgen is missing.
fn add_bindgen(layout: &Layout, compiled: &Compiled<'_>, input: &mut RustInput) -> Result<()> {
    if layout.rust.bound.is_empty() {
        return Ok(());
    }
    let Compiled { context, env, .. } = *compiled;
    // bindgen searches this folder for libclang.
    let libclang = context.settings.environment.user("LIBCLANG_PATH");
    let libclang = libclang.map(|dir| (OsString::from("LIBCLANG_PATH"), dir));
    input
        .env
        .extend(libclang.filter(|(name, _)| !env.iter().any(|(known, _)| known == name)));
    for bound in &layout.rust.bound {
        input
            .env
            .push(((&bound.variable).into(), (&bound.file).into()));
    }
    let name = named(context, None, ["BINDGEN", "KBUILD_RS_BINDGEN"]);
    let name = name.as_deref().unwrap_or("bindgen");
    let found = match name.contains('/') {
        true => std::path::absolute(name).ok().filter(|file| file.is_file()),
        false => find_program(name, env),
    };
    let Some(file) = found.filter(|file| is_carryable(file)) else {
        return Err(Error::new(
            ErrorKind::ToolNotFound,
            format!(
                "the program {name}, which declares C headers for Rust (bindings), was not found. \
                 If it is not in PATH, name it with KBUILD_RS_BINDGEN (in CMake, \
                 -DKbuild_BINDGEN=FILE). Otherwise, install the package bindgen (Debian, Ubuntu), \
                 bindgen-cli (Fedora) or rust-bindgen (Arch), or run\n    cargo install \
                 bindgen-cli"
            ),
        )
        .advise(command(
            "missing-bindgen",
            "install bindgen",
            &["cargo", "install", "bindgen-cli"],
        )));
    };
    let program = file.display().to_string();
    input.variables.push(("BINDGEN".into(), program));
    input.whole.push(file);
    Ok(())
}

/// The clippy of a compiler. It is that compiler with more lints.
///
/// # Errors
/// [`ErrorKind::ToolNotFound`] if it is not beside the compiler.
fn clippy(rustc: &Rustc) -> Result<PathBuf> {
    let driver = rustc.file.with_file_name("clippy-driver");
    match driver.is_file() {
        true => Ok(driver),
        false => Err(Error::new(
            ErrorKind::ToolNotFound,
            format!(
                "the rustc that compiles this module has no clippy: {} does not exist. Install the \
                 package rust-clippy (on Fedora, clippy). If the rustc comes from rustup, run\n    \
                 rustup component add clippy",
                driver.display()
            ),
        )
        .advise(command(
            "missing-clippy",
            "install the clippy of this rustc",
            &["rustup", "component", "add", "clippy"],
        ))),
    }
}

fn command(code: &'static str, text: &str, words: &[&str]) -> Advice {
    let words = words.iter().map(|word| (*word).to_owned());
    Advice::new(code, text).with_command(words.collect())
}

/// The files that the compiler reads besides the crates in its dep-info.
fn whole(kernel: &Kernel, rustc: &Rustc) -> Vec<PathBuf> {
    let mut files = kernel.rust_files();
    // Changes of these only remove the objects that were compiled against them.
    files.retain(|file| !file.extension().is_some_and(|e| e == "rmeta" || e == "so"));
    files.retain(|file| file.is_file());
    files.push(rustc.file.clone());
    files
}
