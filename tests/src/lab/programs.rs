//! Single programs of a newer Debian. They run in place on this machine, with the loader and the
//! libraries that they were built for, and need no root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::distribution::Distribution;
use crate::Result;

/// Change this if folders of an older lab do not fit any more.
const LAYOUT: &str = "1";

struct Program {
    /// The program, and those that come with it.
    names: &'static [&'static str],
    suite: &'static str,
    /// Its package, and those of the libraries that it loads.
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
    // It knows the keys of ML-DSA.
    Program {
        names: &["openssl"],
        suite: "trixie",
        packages: &["openssl", "libc6", "libssl3t64", "libzstd1", "zlib1g"],
    },
    // A token in software, and an OpenSSL that reaches it by its provider.
    Program {
        names: &["softhsm2-util", "openssl"],
        suite: "trixie",
        packages: &[
            "softhsm2",
            "openssl",
            "pkcs11-provider",
            "libc6",
            "libgcc-s1",
            "libsofthsm2",
            "libsqlite3-0",
            "libssl3t64",
            "libstdc++6",
            "libzstd1",
            "zlib1g",
        ],
    },
    // The oldest kernel with Rust that Debian 13 can build needs this one, and so does every newer
    // kernel.
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

/// The programs that use rustc's own libraries.
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

/// The other files of the packages.
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

/// Fails if the lab does not know the program `name`.
pub(super) fn check(name: &str) -> Result<()> {
    find(name).map(drop)
}

/// The script that runs `name` in `place`, if it exists.
pub(super) fn load(name: &str, place: &Path) -> Option<PathBuf> {
    let state = fs::read_to_string(place.join("lab")).ok()?;
    let script = place.join("bin").join(name);
    (state == self::state(place) && script.exists()).then_some(script)
}

/// The script contains its own absolute path, so a moved cache is not usable.
fn state(place: &Path) -> String {
    format!("{LAYOUT}\n{}\n", place.display())
}

/// Fills `draft`, which is then moved to `place`.
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

/// Keeps the part of Rust's source that kernels compile.
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

/// A Rust compiler with all tools for a kernel build.
pub(super) struct Rust {
    pub(super) rustc: PathBuf,
    pub(super) bindgen: PathBuf,
    /// The folder of `libclang.so` for bindgen.
    pub(super) libclang: PathBuf,
    /// The source of `core`.
    pub(super) library: PathBuf,
}

impl Rust {
    /// The tools around the script of `rustc`.
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

/// A script that runs the program. A program that starts itself again, as make does, must find the
/// script and not the real file. So the script's name stays the name of the program.
fn run_in_place(name: &str, place: &Path) -> String {
    let root = place.display();
    format!(
        "#!/bin/sh\nexec '{root}/{LIBRARIES}/ld-linux-x86-64.so.2' \
         --library-path '{root}/{LIBRARIES}' --argv0 \"$0\" '{root}/usr/bin/{name}' \"$@\"\n"
    )
}
