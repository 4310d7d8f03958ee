//! Builds with Rust in them: which sources are, the compiler for them, what it is told.

mod crates;
mod exports;
mod frames;
#[cfg(feature = "ide")]
mod project;
mod settings;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Build;
use super::request::Sources;
use super::variables::prefix_maps;
use crate::cargo::Door;
use crate::compile_commands::add_entries;
use crate::files::is_carryable;
use crate::kbuild_file::Layout;
use crate::kbuild_file::rust::argument_file;
use crate::kernel::{RustRequest, Rustc, Toolchain, of_rustup};
use crate::make::{PathMap, find_program};
use crate::{Error, ErrorKind, Kernel, Result, regular};

use crates::Crates;
pub(crate) use settings::Settings;

/// The file that tells of the compiler, among a module folder's private ones.
const NOTE: &str = "rustc";

/// What a build says that decides how its Rust is compiled.
pub(super) struct Asked<'a> {
    pub(super) build: &'a Build,
    pub(super) kernel: &'a Kernel,
    pub(super) door: Door,
    pub(super) sources: &'a Sources,
    pub(super) map: &'a PathMap,
    /// What C is told of headers.
    pub(super) headers: &'a [OsString],
    /// The private folder, and the one of all modules that are built into the same OUT.
    pub(super) folder: &'a Path,
    pub(super) shared: &'a Path,
    /// The `PATH` that make will get.
    pub(super) path: &'a OsStr,
    /// What the caller, make's variable or the environment names.
    pub(super) rustc: Option<String>,
    pub(super) bindgen: Option<String>,
}

/// What make is given, which Rust adds to.
pub(super) struct Equipment<'a> {
    pub(super) tools: Toolchain,
    pub(super) env: &'a mut Vec<(OsString, OsString)>,
    /// Files whose change means a build from nothing.
    pub(super) whole: &'a mut Vec<PathBuf>,
    pub(super) files: &'a mut Vec<(PathBuf, Vec<u8>)>,
}

impl Equipment<'_> {
    /// Adds what the Rust in a build takes; nothing where there is none.
    ///
    /// # Errors
    /// Whatever would make rustc fail, before make starts.
    pub(super) fn complete(mut self, asked: &Asked<'_>) -> Result<Toolchain> {
        let Asked { build, kernel, .. } = *asked;
        let named = asked.rustc.as_deref();
        let flags = build.flags.rust.file(kernel)?;
        let crates = match asked.sources {
            Sources::Declared(layout) => Crates::certain(&layout.rust.crates),
            // Whoever says something to rustc may know of crates that come to be in the build.
            Sources::Tree { dir, .. } => {
                Crates::of_tree(dir, named.is_some() || !build.flags.rust.is_empty())
            }
        };
        if crates.is_empty() {
            return Ok(self.tools);
        }
        let flags_dir = asked.folder.join("flags");
        let note = asked.folder.join(NOTE);
        let mut notes = vec![note.clone()];
        if !note.exists() {
            add_entries(asked.shared, NOTE, &mut notes)?;
        }
        let request = request(asked.door, named, asked.path, &notes);
        if let Some(rustc) = crates.rustc(build, kernel, &self.tools, &request)? {
            if kernel.lacks_symbol_versions() {
                exports::check(kernel, asked.sources)?;
            }
            let mut set = |name: &str, value: String| {
                self.tools.variables.push((name.into(), value));
            };
            set("RUSTC", rustc.file.display().to_string());
            if build.rust.clippy {
                let driver = clippy(&rustc)?;
                set("CLIPPY", "1".into());
                set("CLIPPY_DRIVER", driver.display().to_string());
                self.whole.push(driver);
            }
            self.whole.extend(whole(kernel, &rustc));
            self.files.push((note, rustc.note()));
            self.files
                .push((flags_dir.join("map-rs"), map_file(asked.map)?));
            self.files.push((flags_dir.join("rs"), flags));
        }
        let Sources::Declared(layout) = asked.sources else {
            return Ok(self.tools);
        };
        for (name, text) in layout.bind_files(asked.headers) {
            self.files.push((flags_dir.join(name), text.into_bytes()));
        }
        if let Some(bindgen) = bindgen(layout, asked, self.env)? {
            let file = bindgen.display().to_string();
            self.tools.variables.push(("BINDGEN".into(), file));
            self.whole.push(bindgen);
        }
        Ok(self.tools)
    }
}

/// The crates that a build compiles, whatever the kernel is.
#[cfg(feature = "ide")]
fn roots(sources: &Sources) -> Vec<PathBuf> {
    match sources {
        Sources::Declared(layout) => layout.rust.crates.clone(),
        Sources::Tree { dir, .. } => Crates::of_tree(dir, false).certain,
    }
}

/// Where a compiler may be: in `PATH`, where Cargo has its own, where rustup keeps them.
fn request<'a>(
    door: Door,
    rustc: Option<&'a str>,
    path: &'a OsStr,
    notes: &[PathBuf],
) -> RustRequest<'a> {
    let mut others: Vec<PathBuf> = door.cargo("RUSTC").map(PathBuf::from).into_iter().collect();
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

/// What goes into `KRUSTFLAGS`. rustc reads an argument a line.
///
/// Makefiles that narrow all maps (`--remap-path-scope=macro`, 7.3 with rustc 1.95) do so where
/// sources and objects lie apart; in a stage they lie together.
fn map_file(map: &PathMap) -> Result<Vec<u8>> {
    argument_file(&prefix_maps("--remap-path-prefix=", map))
}

/// The bindgen for the headers that Rust sources call, where there are any; rustc is told in
/// `env` what came of them.
///
/// # Errors
/// [`ErrorKind::ToolNotFound`] where it is not here.
fn bindgen(
    layout: &Layout,
    asked: &Asked<'_>,
    env: &mut Vec<(OsString, OsString)>,
) -> Result<Option<PathBuf>> {
    if layout.rust.bound.is_empty() {
        return Ok(None);
    }
    // Where bindgen finds libclang.
    let libclang = asked.door.user("LIBCLANG_PATH");
    let libclang = libclang.map(|dir| (OsString::from("LIBCLANG_PATH"), dir));
    env.extend(libclang.filter(|(name, _)| !env.iter().any(|(known, _)| known == name)));
    for bound in &layout.rust.bound {
        env.push(((&bound.variable).into(), (&bound.file).into()));
    }
    let name = asked.bindgen.as_deref().unwrap_or("bindgen");
    let found = match name.contains('/') {
        true => std::path::absolute(name).ok().filter(|file| file.is_file()),
        false => find_program(name, env),
    };
    match found.filter(|file| is_carryable(file)) {
        Some(file) => Ok(Some(file)),
        None => Err(Error::new(
            ErrorKind::ToolNotFound,
            format!(
                "the program {name} declares C headers for Rust (bindings), and is not here: \
                 install bindgen (Debian, Ubuntu), bindgen-cli (Fedora), rust-bindgen (Arch), or \
                 run `cargo install bindgen-cli`; KBUILD_RS_BINDGEN (in CMake, \
                 -DKbuild_BINDGEN=FILE) names one that is not in PATH"
            ),
        )),
    }
}

/// The clippy that belongs to a compiler: it is that compiler, with more lints.
///
/// # Errors
/// [`ErrorKind::ToolNotFound`] where it is not beside it.
fn clippy(rustc: &Rustc) -> Result<PathBuf> {
    let driver = rustc.file.with_file_name("clippy-driver");
    match driver.is_file() {
        true => Ok(driver),
        false => Err(Error::new(
            ErrorKind::ToolNotFound,
            format!(
                "clippy is not beside the rustc that compiles this module: there is no {}; to get \
                 it: rustup component add clippy, or the package rust-clippy (clippy on Fedora)",
                driver.display()
            ),
        )),
    }
}

/// What the compiler reads besides the crates that its dep-info tells of.
fn whole(kernel: &Kernel, rustc: &Rustc) -> Vec<PathBuf> {
    let mut files = kernel.rust_files();
    // What is compiled against them goes, and nothing else.
    files.retain(|file| !file.extension().is_some_and(|e| e == "rmeta" || e == "so"));
    files.retain(|file| file.is_file());
    files.push(rustc.file.clone());
    files
}
