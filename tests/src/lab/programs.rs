//! Single programs of a newer Debian, run in place on this machine by the loader and the
//! libraries that they were built for. Takes no root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::distribution::Distribution;
use crate::Result;

/// Changes when folders made by an older lab are no longer what this one expects.
const LAYOUT: &str = "1";

struct Program {
    /// It, and those that come with it.
    names: &'static [&'static str],
    suite: &'static str,
    /// The one that brings it, and those of the libraries that it loads.
    packages: &'static [&'static str],
}

const PROGRAMS: &[Program] = &[
    Program {
        names: &["make"],
        suite: "trixie",
        packages: &["make", "libc6"],
    },
    Program {
        names: &["ninja"],
        suite: "forky",
        packages: &["ninja-build", "libc6", "libgcc-s1", "libstdc++6"],
    },
    // What the oldest kernel with Rust that Debian 13 could build takes, and every newer one.
    Program {
        names: &["rustc", "bindgen"],
        suite: "trixie",
        packages: &[
            "rustc",
            "bindgen",
            "libbsd0",
            "libc6",
            "libclang1-19",
            "libedit2",
            "libffi8",
            "libgcc-s1",
            "libllvm19",
            "liblzma5",
            "libmd0",
            "libstd-rust-1.85",
            "libstd-rust-dev",
            "libstdc++6",
            "libtinfo6",
            "libxml2",
            "libz3-4",
            "libzstd1",
            "rust-src",
            "zlib1g",
        ],
    },
    Program {
        names: &["rust-analyzer", "clippy-driver"],
        suite: "trixie",
        packages: BESIDE_RUSTC,
    },
];

/// What stands on rustc's own libraries.
const BESIDE_RUSTC: &[&str] = &[
    "rust-analyzer",
    "rust-clippy",
    "libbsd0",
    "libc6",
    "libedit2",
    "libffi8",
    "libgcc-s1",
    "libllvm19",
    "liblzma5",
    "libmd0",
    "libstd-rust-1.85",
    "libstdc++6",
    "libtinfo6",
    "libxml2",
    "libz3-4",
    "libzstd1",
    "zlib1g",
];

const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// What the packages hold beside programs and libraries.
const UNUSED: &[&str] = &[
    "etc",
    "usr/share",
    "usr/include",
    "usr/lib/x86_64-linux-gnu/gconv",
];

fn find(name: &str) -> Result<&'static Program> {
    let found = PROGRAMS.iter().find(|program| program.names[0] == name);
    found.ok_or_else(|| format!("the lab knows no program `{name}`"))
}

/// Fails where the lab knows no program `name`.
pub(super) fn check(name: &str) -> Result<()> {
    find(name).map(drop)
}

/// The script that runs `name` out of `place`, where it is there.
pub(super) fn load(name: &str, place: &Path) -> Option<PathBuf> {
    let state = fs::read_to_string(place.join("lab")).ok()?;
    let script = place.join("bin").join(name);
    (state == self::state(place) && script.exists()).then_some(script)
}

/// The script holds its own absolute path: a moved cache is not usable.
fn state(place: &Path) -> String {
    format!("{LAYOUT}\n{}\n", place.display())
}

/// Fills `draft`, which will be moved to `place`.
pub(super) fn prepare(name: &str, draft: &Path, place: &Path) -> Result<()> {
    let program = find(name)?;
    let apt = super::apt(&Distribution::here()?, program.suite)?;
    let packages: Vec<String> = program.packages.iter().map(|&one| one.to_owned()).collect();
    let debs = draft.join("debs");
    let bin = draft.join("bin");
    let fail = |error: std::io::Error| format!("cannot fill {}: {error}", draft.display());
    for folder in [&debs, &bin] {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    for deb in apt.download(&packages, &debs)? {
        super::unpack(&deb, draft)?;
    }
    super::clear(&debs)?;
    for unused in UNUSED {
        super::clear(&draft.join(unused))?;
    }
    keep_library(&draft.join("usr/src")).map_err(fail)?;
    for name in program.names {
        let script = bin.join(name);
        fs::write(&script, run_in_place(name, place)).map_err(fail)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).map_err(fail)?;
    }
    fs::write(draft.join("lab"), state(place)).map_err(fail)
}

/// Of Rust's source: what kernels compile.
fn keep_library(sources: &Path) -> std::io::Result<()> {
    for entry in folders(sources).iter().flat_map(|source| folders(source)) {
        if !entry.ends_with("library") {
            fs::remove_dir_all(entry)?;
        }
    }
    Ok(())
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.is_dir()).collect()
}

/// A Rust compiler with all that building a kernel takes beside it.
pub(super) struct Rust {
    pub(super) rustc: PathBuf,
    pub(super) bindgen: PathBuf,
    /// The folder of `libclang.so` for bindgen.
    pub(super) libclang: PathBuf,
    /// The source of `core`.
    pub(super) library: PathBuf,
}

impl Rust {
    /// Around the script of `rustc`.
    pub(super) fn of(rustc: PathBuf) -> Result<Rust> {
        let bin = rustc.parent().unwrap_or(&rustc);
        let place = bin.parent().unwrap_or(bin);
        let source = folders(&place.join("usr/src")).pop();
        let library = source.map(|source| source.join("library"));
        Ok(Rust {
            bindgen: bin.join("bindgen"),
            libclang: place.join(LIBRARIES),
            library: library.ok_or_else(|| format!("no source of Rust in {}", place.display()))?,
            rustc,
        })
    }
}

/// A program that starts itself again, as make does, must find the script and not what is behind
/// it: the name that it is called by stays the script's.
fn run_in_place(name: &str, place: &Path) -> String {
    let root = place.display();
    format!(
        "#!/bin/sh\nexec '{root}/{LIBRARIES}/ld-linux-x86-64.so.2' \
         --library-path '{root}/{LIBRARIES}' --argv0 \"$0\" '{root}/usr/bin/{name}' \"$@\"\n"
    )
}
