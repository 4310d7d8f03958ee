//! The time after an installation: the initramfs, and loading.

use std::path::Path;
use std::process::{Command, Stdio};

use super::read_back::kernel_name;
use super::report::{InstallAction, InstallChange};
use super::site::Site;
use crate::module::initramfs::Initramfs;
use crate::sys::{ChildSetup, tie_child};
use crate::{Error, ErrorKind, Result};

/// The modules of a release that changed, by the kernel's names.
fn changed(changes: &[InstallChange], release: &str) -> Vec<String> {
    let is_new = |change: &&InstallChange| {
        let action = change.action;
        change.release == release && !matches!(action, InstallAction::Unchanged)
    };
    let names = changes.iter().filter(is_new);
    let mut names: Vec<String> = names.map(|change| kernel_name(&change.name)).collect();
    names.sort();
    names.dedup();
    names
}

/// Looks for old versions of the changed modules in the initramfs of a release. Says so, or builds
/// it again.
pub(super) fn initramfs(
    site: &Site,
    release: &str,
    changes: &[InstallChange],
    builds: bool,
    notes: &mut Vec<String>,
) -> Result<()> {
    let modules = changed(changes, release);
    if modules.is_empty() {
        return Ok(());
    }
    let Some(found) = Initramfs::of(&site.image, release, &modules)? else {
        return Ok(());
    };
    match found.note() {
        Some(_) if builds => found.rebuild(),
        Some(note) => {
            notes.push(note);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Fails if the initramfs shall be built, or modules shall be loaded, and that is not possible here.
pub(super) fn check(
    site: &Site,
    releases: &[String],
    (builds_initramfs, loads): (bool, bool),
) -> Result<()> {
    if builds_initramfs {
        check_is_running(site)?;
    }
    match loads {
        true => check_loadable(site, releases),
        false => Ok(()),
    }
}

/// Fails unless this is the system whose programs build the initramfs.
fn check_is_running(site: &Site) -> Result<()> {
    if site.is_running_system() {
        return Ok(());
    }
    Err(Error::input(format!(
        "--initramfs builds the initramfs of the running system, but this call installs into {}. Leave \
         it out: a note shows the command for the initramfs of that root",
        site.image.path().display()
    )))
}

/// Fails unless the modules of these releases can be loaded into the running kernel.
fn check_loadable(site: &Site, releases: &[String]) -> Result<()> {
    let running = running()?;
    if site.is_running_system() && releases.contains(&running) {
        return Ok(());
    }
    Err(Error::input(format!(
        "--modprobe loads modules into the running kernel {running}, but this call installs into {} for \
         {}. Leave it out, or use --load to load the modules at boot",
        site.image.path().display(),
        releases.join(", ")
    )))
}

/// Loads the installed modules of the running kernel.
pub(super) fn load(changes: &[InstallChange]) -> Result<()> {
    let running = running()?;
    let is_here = |change: &&InstallChange| {
        let action = change.action;
        change.release == running
            && !matches!(
                action,
                InstallAction::Removed | InstallAction::Displaced | InstallAction::Restored
            )
    };
    for change in changes.iter().filter(is_here) {
        let mut command = Command::new("modprobe");
        command.arg("--").arg(&change.name).stdin(Stdio::null());
        command.env_remove(crate::module::sign::PIN);
        tie_child(&mut command, ChildSetup::default());
        let output = command
            .output()
            .map_err(|e| Error::reading("run", Path::new("modprobe"), e))?;
        if !output.status.success() {
            return Err(Error::new(
                ErrorKind::ToolFailed,
                format!(
                    "{} is installed, but could not be loaded. modprobe says:\n{}\nThe kernel may say \
                     more:\n    dmesg | tail",
                    change.name,
                    String::from_utf8_lossy(&output.stderr).trim_end()
                ),
            ));
        }
    }
    Ok(())
}

/// The release of the running kernel.
fn running() -> Result<String> {
    let path = Path::new("/proc/sys/kernel/osrelease");
    let text = crate::sys::regular::read_to_string(path);
    let text = text.map_err(|e| Error::reading("read", path, e))?;
    Ok(text.trim().to_owned())
}
