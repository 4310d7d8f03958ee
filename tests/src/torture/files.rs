//! Files of the attempts.

use std::fs::{self, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::lab::LabKernel;
use crate::{Result, plain, run};

/// A user without rights.
pub(super) const NOBODY: u32 = 65534;

/// An error with the path at which it happened.
pub(super) fn at<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> String + '_ {
    move |error| format!("{}: {error}", path.display())
}

/// Writes a file, and makes its folders.
pub(super) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    make_folder(path.parent().unwrap_or(path))?;
    fs::write(path, content).map_err(at(path))
}

/// Writes a script.
pub(super) fn write_program(path: &Path, text: &str) -> Result<()> {
    write(path, text)?;
    fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(at(path))
}

/// Makes a folder, and those above it.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(at(path))
}

/// Removes a file or a folder of any kind.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).map_err(at(path)),
        Ok(_) => fs::remove_file(path).map_err(at(path)),
        Err(_) => Ok(()),
    }
}

/// All paths below a folder, sorted and relative to it. Links are not followed.
pub(super) fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).map_err(at(&dir))? {
            let path = entry.map_err(at(&dir))?.path();
            if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir()) {
                pending.push(path.clone());
            }
            found.push(path.strip_prefix(folder).unwrap_or(&path).to_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the bytes contain a part.
pub(super) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && bytes.windows(part.len()).any(|window| window == part)
}

/// Sets the time of the last change of a file, in seconds before now.
pub(super) fn set_age(path: &Path, seconds: u64) -> Result<()> {
    let time = SystemTime::now() - Duration::from_secs(seconds);
    let file = fs::File::options()
        .write(true)
        .open(path)
        .map_err(at(path))?;
    file.set_times(FileTimes::new().set_modified(time))
        .map_err(at(path))
}

/// Gives a path and all below it to a user.
pub(super) fn give(user: u32, path: &Path) -> Result<()> {
    let mut chown = Command::new("chown");
    chown.args(["-hR", &format!("{user}:{user}")]).arg(path);
    run::checked(&mut chown, Duration::from_secs(60)).map(drop)
}

/// Lets all users enter a folder.
pub(super) fn open_to_all(folder: &Path) -> Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).map_err(at(folder))
}

/// Copies the kernel's packages below `to`, for attempts that write into a kernel tree or build as
/// another user.
pub(super) fn copy_kernel(kernel: &LabKernel, to: &Path) -> Result<LabKernel> {
    let prefix = kernel.kdir.ancestors().nth(3).unwrap_or(&kernel.kdir);
    make_folder(to)?;
    plain::copy(&prefix.join("usr"), to)?;
    let moved = |dir: &Path| to.join(dir.strip_prefix(prefix).unwrap_or(dir));
    let copy = LabKernel {
        kdir: moved(&kernel.kdir),
        common: moved(&kernel.common),
        ..kernel.clone()
    };
    let makefile = copy.kdir.join("Makefile");
    if makefile.is_symlink() {
        return Ok(copy);
    }
    let text = fs::read_to_string(&makefile).map_err(at(&makefile))?;
    let text = text.replace(&*prefix.to_string_lossy(), &to.to_string_lossy());
    fs::write(&makefile, text).map_err(at(&makefile))?;
    Ok(copy)
}
