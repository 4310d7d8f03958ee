//! pahole, which writes a module's BTF: whether it is here, and whether it knows the kernel's flags.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::names::MAKE_VAR;
use crate::kernel::Kernel;
use crate::kernel::find::Host;
use crate::kernel::path::SearchPath;
use crate::{Error, ErrorKind, Result};

/// The first version that writes the BTF of a module against a base (1.19).
const SPLIT: u32 = 119;

/// The last version that brought a flag of its own. Later ones bring values of `--btf_features`, and
/// pahole ignores values that it does not know.
const FEATURES: u32 = 126;

impl Kernel {
    /// The pahole that make will start: `name` is a program in `path`, or its absolute path.
    ///
    /// # Errors
    /// [`ErrorKind::ToolNotFound`], with the command that installs it.
    pub(crate) fn pahole(&self, name: &str, path: &OsStr) -> Result<PathBuf> {
        let found = SearchPath(path).behind_launchers(name);
        found.ok_or_else(|| {
            let install = Host::this().distro().package(package());
            let message = format!(
                "type information (BTF) for modules of {} needs {name}, which is not installed. \
                 Install it:\n    {install}",
                self.release
            );
            let error = Error::new(ErrorKind::ToolNotFound, message);
            error.advise(install.advice("missing-tool"))
        })
    }

    /// Refuses a pahole that is too old for the flags that this kernel gives it. `own_flags` tells
    /// whether the caller replaces these flags.
    ///
    /// # Errors
    /// [`ErrorKind::ToolNotFound`] names both versions.
    pub(crate) fn check_pahole(&self, file: &Path, path: &OsStr, own_flags: bool) -> Result<()> {
        let mut command = Command::new(file);
        command.arg("--version").env_clear().env("PATH", path);
        let output = command.stdin(Stdio::null()).output();
        let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let Some(version) = said.ok().as_deref().and_then(version) else {
            return Err(Error::new(
                ErrorKind::ToolNotFound,
                format!(
                    "{0} does not tell its version. It gives modules their type information (BTF). \
                     Try it:\n    {0} --version",
                    file.display()
                ),
            ));
        };
        let needed = self.needed_pahole(own_flags);
        if version >= needed {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ToolNotFound,
            format!(
                "{} is pahole {}, which is too old for {}: this kernel gives it flags of pahole {}. \
                 Install a newer one, or name it with PAHOLE=FILE ({MAKE_VAR})",
                file.display(),
                shown(version),
                self.release,
                shown(needed)
            ),
        ))
    }

    /// The oldest version that knows the flags. Older kernels have a script that asks pahole itself for
    /// its version. `scripts/Makefile.btf` of newer ones takes the version that built the kernel.
    fn needed_pahole(&self, own_flags: bool) -> u32 {
        let is_fixed = self.source.join("scripts/Makefile.btf").is_file();
        let built = self.config("PAHOLE_VERSION").filter(|_| is_fixed);
        let built = built.and_then(|number| number.parse().ok());
        match own_flags {
            true => SPLIT,
            false => built.unwrap_or(SPLIT).clamp(SPLIT, FEATURES),
        }
    }
}

/// `124` of `v1.24`.
fn version(said: &str) -> Option<u32> {
    let (major, rest) = said.trim().strip_prefix('v')?.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let major: u32 = major.parse().ok()?;
    let minor = minor.parse::<u32>().ok()?;
    major.checked_mul(100)?.checked_add(minor)
}

fn shown(version: u32) -> String {
    format!("{}.{}", version / 100, version % 100)
}

/// Debian's name of the package; other distributions only have the older one.
fn package() -> &'static str {
    match Host::this().distro() {
        distro if distro.is_debian_like() => "pahole",
        _ => "dwarves",
    }
}
