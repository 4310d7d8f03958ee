//! Guests with a root's modules, and every modprobe that may meet them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::{self, Kmod};
use kbuild_tests::run;
use kbuild_vm::Guest;
use tempfile::TempDir;

use crate::world::LIMIT;

/// Shell functions for scripts. `loads M NAME VERSION` loads M, an alias or a name, and looks at
/// the version of the module NAME; VERSION is empty for the kernel's own modules.
pub(crate) const FUNCTIONS: &str = r#"
fail() { echo "FAILED: $*"; exit 1; }
loads() {
    for modprobe in "modprobe-30" "modprobe-34" "busybox modprobe"; do
        $modprobe "$1" || fail "$modprobe $1"
        version=$(cat "/sys/module/$2/version" 2>/dev/null)
        [ -e "/sys/module/$2" ] || fail "$modprobe $1: $2 is not loaded"
        [ "$version" = "$3" ] || fail "$modprobe $1: $2 has version '$version', not '$3'"
        rmmod "$2" || fail "rmmod $2"
    done
}
refuses() {
    for modprobe in "modprobe-30" "modprobe-34" "busybox modprobe"; do
        $modprobe "$1" 2>/tmp/said && fail "$modprobe $1: loaded"
        grep -q "Key was rejected\|Required key not available" /tmp/said || fail "$(cat /tmp/said)"
    done
}
"#;

/// Adds kmod of these versions, with its modprobe, depmod and insmod. The files that are written for it
/// are in the folder.
pub(crate) fn with_kmods(mut guest: Guest, versions: &[&str], scratch: &TempDir) -> Guest {
    for version in versions {
        let kmod = lab::kmod(version).unwrap();
        let folder = format!("/kmod-{version}");
        for file in kmod.files().unwrap() {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            guest = guest.file(format!("{folder}/{name}"), file);
        }
        for program in ["modprobe", "depmod", "insmod"] {
            let name = format!("{program}-{version}");
            let script = scratch.path().join(&name);
            executable(&script, &Kmod::script(program, &folder));
            guest = guest.file(format!("/bin/{name}"), &script);
        }
    }
    guest
}

/// Adds a program of this machine with its libraries: its name finds it in the guest.
pub(crate) fn with_program(mut guest: Guest, program: &Path, scratch: &TempDir) -> Guest {
    let name = program.file_name().unwrap().to_string_lossy().into_owned();
    let folder = format!("/programs/{name}");
    let small = scratch.path().join(format!("{name}.small"));
    let mut strip = Command::new("strip");
    // A guest would unpack its debug information.
    run::checked(strip.arg("-o").arg(&small).arg(program), LIMIT).unwrap();
    guest = guest.file(format!("{folder}/{name}"), &small);
    let ldd = run::checked(Command::new("ldd").arg(program), LIMIT).unwrap();
    let mut loader = String::new();
    for library in ldd
        .out()
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        let file = library.rsplit('/').next().unwrap();
        if file.starts_with("ld-") {
            loader = format!("{folder}/{file}");
        }
        guest = guest.file(format!("{folder}/{file}"), library);
    }
    let script = scratch.path().join(&name);
    let line = format!("exec {loader} --library-path {folder} {folder}/{name}");
    executable(&script, &format!("#!/bin/sh\n{line} \"$@\"\n"));
    guest.file(format!("/bin/{name}"), script)
}

/// Writes a program.
pub(crate) fn executable(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).unwrap();
}
