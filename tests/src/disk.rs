//! A small file system of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::fs::statvfs;

use crate::{Result, run};

/// The longest time of a mount.
const LIMIT: Duration = Duration::from_secs(60);

/// A file system in memory, mounted while this lives.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` if this process may not mount.
    pub fn mount(at: &Path, size: &str) -> Option<SmallDisk> {
        fs::create_dir_all(at).ok()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]);
        let done = mount.arg(at).output().is_ok_and(|o| o.status.success());
        done.then(|| SmallDisk(at.to_owned()))
    }

    /// Gives it another size.
    ///
    /// # Errors
    /// If more is in use.
    pub fn resize(&self, size: &str) -> Result<()> {
        self.remount(&format!("size={size}"))
    }

    /// Leaves so many KiB free.
    ///
    /// # Errors
    /// If it cannot be mounted again.
    pub fn leave(&self, kib: u64) -> Result<()> {
        let stat = statvfs(&self.0).map_err(|error| error.to_string())?;
        let used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize / 1024;
        self.resize(&format!("{}k", (used + kib).max(4)))
    }

    /// Leaves room for so many files.
    ///
    /// # Errors
    /// If it cannot be mounted again.
    pub fn leave_files(&self, files: u64) -> Result<()> {
        let stat = statvfs(&self.0).map_err(|error| error.to_string())?;
        let used = stat.f_files - stat.f_ffree;
        self.remount(&format!("nr_inodes={}", (used + files).max(1)))
    }

    fn remount(&self, option: &str) -> Result<()> {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{option}")]);
        run::checked(mount.arg(&self.0), LIMIT).map(drop)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Files that are still open go with the last process that has them.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
