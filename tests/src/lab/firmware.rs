//! UEFI for guests whose kernel is to trust a certificate of ours.
//!
//! A kernel reads `db` from the firmware, whether Secure Boot is on or off, and Debian's kernels
//! accept modules that are signed with a key from there. Secure Boot stays off: it would ask for a
//! signed kernel, and change nothing about modules with `module.sig_enforce=1`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild_vm::Firmware;

use super::{PROGRAMS, cache_dir, once, packages, pip};
use crate::{Result, run};

/// The files of the package `ovmf`.
const OVMF: &str = "/usr/share/OVMF";

/// The owner of the entry in `db`: any GUID will do.
const OWNER: &str = "6b627569-6c64-2d72-732d-6c6162000000";

/// Firmware whose `db` has the certificate (PEM); its variables are written to `variables`.
///
/// # Errors
/// Missing packages; no package index that has `virt-firmware`.
pub fn firmware(certificate: &Path, variables: PathBuf) -> Result<Firmware> {
    packages::install(&["ovmf"])?;
    let mut command = Command::new("python3");
    command
        .args(["-m", "virt.firmware.vars", "--input"])
        .arg(format!("{OVMF}/OVMF_VARS_4M.fd"))
        .arg("--output")
        .arg(&variables)
        .args(["--add-db", OWNER])
        .arg(certificate)
        .env("PYTHONPATH", virt_firmware()?)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    run::checked(&mut command, Duration::from_secs(60))?;
    Ok(Firmware {
        code: format!("{OVMF}/OVMF_CODE_4M.fd").into(),
        variables,
    })
}

/// The folder that Python has to search for it.
pub(super) fn virt_firmware() -> Result<PathBuf> {
    let place = cache_dir().join(PROGRAMS).join("virt-firmware");
    let load = || {
        let package = place.join("virt/firmware/vars.py");
        package.exists().then(|| place.clone())
    };
    once(&cache_dir(), &place, load, |draft| {
        pip::install_all("virt-firmware", draft)
    })
    .map_err(|error| format!("cannot get virt-firmware: {error}"))
}
