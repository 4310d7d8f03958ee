//! What guests of several suites contain.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kbuild_vm::Guest;

use crate::lab::{self, Kmod};
use crate::root::executable;
use crate::{Result, run};

const LIMIT: Duration = Duration::from_secs(60);

/// Adds kmod of these versions, with its modprobe, depmod and insmod. The files that are written for it
/// are in the folder.
///
/// # Errors
/// As [`lab::kmod`].
pub fn with_kmods(mut guest: Guest, versions: &[&str], scratch: &Path) -> Result<Guest> {
    for version in versions {
        let kmod = lab::kmod(version)?;
        let folder = format!("/kmod-{version}");
        for file in kmod.files()? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let place = format!("{folder}/{name}");
            guest = guest.file(place, file);
        }
        for program in ["modprobe", "depmod", "insmod"] {
            let name = format!("{program}-{version}");
            let script = scratch.join(&name);
            executable(&script, &Kmod::script(program, &folder))?;
            guest = guest.file(format!("/bin/{name}"), &script);
        }
    }
    Ok(guest)
}

/// Adds a program of this machine with its libraries: its name finds it in the guest.
///
/// # Errors
/// If `strip` or `ldd` fails.
pub fn with_program(mut guest: Guest, program: &Path, scratch: &Path) -> Result<Guest> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let folder = format!("/programs/{name}");
    let small = scratch.join(format!("{name}.small"));
    let mut strip = Command::new("strip");
    // A guest would unpack its debug information.
    run::checked(strip.arg("-o").arg(&small).arg(program), LIMIT)?;
    guest = guest.file(format!("{folder}/{name}"), &small);
    let ldd = run::checked(Command::new("ldd").arg(program), LIMIT)?;
    let mut loader = String::new();
    for library in ldd
        .out()
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        let file = library.rsplit('/').next().unwrap_or(library);
        if file.starts_with("ld-") {
            loader = format!("{folder}/{file}");
        }
        guest = guest.file(format!("{folder}/{file}"), library);
    }
    let script = scratch.join(&*name);
    let line = format!("exec {loader} --library-path {folder} {folder}/{name}");
    executable(&script, &format!("#!/bin/sh\n{line} \"$@\"\n"))?;
    Ok(guest.file(format!("/bin/{name}"), script))
}
