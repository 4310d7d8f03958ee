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
    name: &'static str,
    suite: &'static str,
    /// The one that brings it, and those of the libraries that it loads.
    packages: &'static [&'static str],
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "make",
        suite: "trixie",
        packages: &["make", "libc6"],
    },
    Program {
        name: "ninja",
        suite: "forky",
        packages: &["ninja-build", "libc6", "libgcc-s1", "libstdc++6"],
    },
];

const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// What the packages hold beside programs and libraries.
const UNUSED: &[&str] = &[
    "etc",
    "usr/share",
    "usr/include",
    "usr/lib/x86_64-linux-gnu/gconv",
];

pub(super) fn is_known(name: &str) -> bool {
    PROGRAMS.iter().any(|program| program.name == name)
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
    let program = PROGRAMS.iter().find(|program| program.name == name);
    let program = program.ok_or_else(|| format!("the lab knows no program `{name}`"))?;
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
    let script = bin.join(name);
    fs::write(&script, run_in_place(name, place)).map_err(fail)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).map_err(fail)?;
    fs::write(draft.join("lab"), state(place)).map_err(fail)
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
