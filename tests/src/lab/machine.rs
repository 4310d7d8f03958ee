//! Debian 13 in a folder: the compiler, make and libraries that its kernels need, on any machine.
//!
//! A command runs in its own mount namespace, in which the distribution's folders `/usr` (without
//! `/usr/local`) and `/etc` are replaced. All other folders stay. So a path means the same on both
//! sides, and nothing stays mounted. A chroot would need a mount for every used path.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::distribution::{Distribution, Family};
use super::{mirrors, packages};
use crate::{Result, run};

/// Change this if folders of an older lab do not fit any more.
const LAYOUT: &str = "1";

const SUITE: &str = "trixie";

/// The packages that module builds need. `mount` replaces the second folder.
const PACKAGES: &[&str] = &[
    "bc",
    "cpio",
    "gcc",
    "git",
    "kmod",
    "libc6-dev",
    "libelf-dev",
    "libssl-dev",
    "make",
    "mount",
    "ninja-build",
    "pahole",
    "xz-utils",
    "zstd",
];

/// Half of the packages' files, which module builds never read.
const LEFT_OUT: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/bin/*-lto-dump*",
];

/// This machine's shell runs it, and keeps running when `/usr` changes.
const ENTER: &str = r#"#!/bin/sh
root=${0%/*}/root
/bin/mount --bind /usr/local "$root/usr/local" &&
    /bin/mount --rbind "$root/usr" /usr &&
    /bin/mount --bind "$root/etc" /etc || exit 125
exec "$@"
"#;

/// A Debian 13 that runs commands.
#[derive(Clone, Debug)]
pub struct Machine {
    folder: PathBuf,
}

impl Machine {
    pub(super) fn load(folder: &Path) -> Option<Machine> {
        let state = fs::read_to_string(folder.join("lab")).ok()?;
        (state == self::state()).then(|| Machine {
            folder: folder.to_path_buf(),
        })
    }

    /// A command that finds Debian 13's programs and libraries. Working directory, environment and
    /// open files are the caller's. The process becomes the program, so signals and time limits
    /// reach it.
    ///
    /// It ends with 125 if the folders cannot be replaced, and with the shell's 127 or 126 if the
    /// program is missing or cannot run.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("/usr/bin/unshare");
        command
            .arg("--mount")
            .arg(self.folder.join("enter"))
            .arg(program);
        command
    }
}

/// Describes the machine's contents, so that a cached machine with another list is made anew.
fn state() -> String {
    format!("{LAYOUT}\n{SUITE}\n{}\n", PACKAGES.join(" "))
}

/// Whether this machine can get and run Debian 13.
pub(super) fn possible() -> Result<()> {
    if Distribution::here()?.family != Family::Debian {
        return Err(
            "Debian 13's tools are made of Debian's packages, from the mirrors of a Debian machine"
                .into(),
        );
    }
    if !packages::is_root() {
        return Err("running Debian 13's tools takes root (a mount namespace)".into());
    }
    // Root in a container may lack the right to mount.
    let mut namespace = Command::new("/usr/bin/unshare");
    namespace.args(["--mount", "true"]);
    run::checked(&mut namespace, Duration::from_secs(20))
        .map(drop)
        .map_err(|error| format!("running Debian 13's tools takes a mount namespace: {error}"))
}

/// Fails if the machine cannot be made, before anything is fetched.
pub(super) fn check() -> Result<()> {
    possible()?;
    packages::install(&["mmdebstrap", "mount", "util-linux"])
}

/// Fills `draft`.
pub(super) fn prepare(draft: &Path) -> Result<()> {
    let here = Distribution::here()?;
    let entries = mirrors::configured(Path::new("/etc/apt"));
    let entries = mirrors::of_release(&entries, &here.codename, SUITE);
    let fail = |error: std::io::Error| format!("cannot fill {}: {error}", draft.display());
    let sources = draft.join("mirrors.sources");
    fs::write(&sources, mirrors::render(&entries)).map_err(fail)?;

    // A namespace of its own, so that its mounts disappear if it is killed.
    let mut bootstrap = Command::new("unshare");
    bootstrap
        .args(["--mount", "mmdebstrap", "--quiet", "--mode=root"])
        .args(["--format=directory", "--variant=essential"])
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .arg(format!("--include={}", PACKAGES.join(",")))
        .args(
            LEFT_OUT
                .iter()
                .map(|path| format!("--dpkgopt=path-exclude={path}")),
        )
        .arg(SUITE)
        .arg(draft.join("root"))
        .arg(&sources)
        .env("LC_ALL", "C")
        .current_dir("/");
    run::checked(&mut bootstrap, Duration::from_secs(900))
        .map_err(|error| format!("{error}\n(looked in {})", mirrors::describe(&entries)))?;

    let enter = draft.join("enter");
    fs::write(&enter, ENTER).map_err(fail)?;
    fs::set_permissions(&enter, fs::Permissions::from_mode(0o755)).map_err(fail)?;
    fs::remove_file(&sources).map_err(fail)?;
    fs::write(draft.join("lab"), state()).map_err(fail)
}
