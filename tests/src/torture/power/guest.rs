//! A guest whose power is cut while it installs into its disk. The next boot finds the old modules or
//! the new ones, makes a call about another module, and everything is right.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild_vm::{Guest, Verdict};
use tempfile::TempDir;

use crate::guest::{with_kmods, with_program};
use crate::lab::{self, packages};
use crate::root::{Root, executable, modules};
use crate::torture::{Attempt, Ground};
use crate::{Result, run};

/// The file systems of the disks.
pub(super) const FILE_SYSTEMS: [&str; 3] = ["ext4", "xfs", "btrfs"];

/// The modules that are installed, and that of the next call.
const NAMES: [&str; 3] = ["dummy", "kt_base", "ifb"];

/// Each boot after the first finds the disk as a power cut has left it.
const SCRIPT: &str = include_str!("script.sh");

/// Longer than one call in a guest, of which there are three kinds.
const LONGEST: Duration = Duration::from_secs(6);

pub(super) struct Guests {
    scratch: TempDir,
    root: Root,
}

impl Guests {
    pub(super) fn new(ground: &Ground) -> Result<Guests> {
        let scratch = TempDir::with_prefix("torture-guests-").map_err(|e| e.to_string())?;
        let root = Root::new(&ground.kernel, scratch.path(), ground.path())?;
        for version in [1, 2] {
            let folder = scratch.path().join(format!("v{version}"));
            fs::create_dir(&folder).map_err(|error| error.to_string())?;
            for name in NAMES {
                modules::write(&folder, &ground.kernel, name, version)?;
            }
        }
        let depmod = scratch.path().join("depmod");
        executable(&depmod, "#!/bin/sh\nexec depmod-30 \"$@\"\n")?;
        Ok(Guests { scratch, root })
    }

    /// Gets the programs and the modules for a file system.
    pub(super) fn prepare(&self, system: &str) -> Result<()> {
        packages::install(&[match system {
            "ext4" => "e2fsprogs",
            "xfs" => "xfsprogs",
            _ => "btrfs-progs",
        }])?;
        if system != "ext4" {
            lab::file_systems(&self.root.kernel)?;
        }
        Ok(())
    }

    pub(super) fn attempt(&self, system: &str, attempt: &mut Attempt) -> Result<()> {
        let disk = attempt.folder().join("disk.img");
        // The smallest that xfs and btrfs accept; most of it takes no room.
        let file = File::create(&disk).and_then(|file| file.set_len(320 << 20));
        file.map_err(|error| error.to_string())?;
        let mut mkfs = Command::new(format!("/sbin/mkfs.{system}"));
        run::checked(mkfs.arg("-q").arg(&disk), Duration::from_secs(60))?;
        let cuts = 1 + attempt.random.below(2);
        for _ in 0..cuts {
            let after = Duration::from_millis(attempt.random.below(LONGEST.as_millis() as u64));
            attempt.say(format!("cut after {after:?}"));
            let script = format!("SYSTEM={system}\n{SCRIPT}");
            let guest = self.guest(&disk)?.script(script);
            if let Some(verdict) = run::told(guest.cut_power("@cut", after))? {
                return Err(said(&verdict));
            }
        }
        let script = format!("LAST=1\nSYSTEM={system}\n{SCRIPT}");
        match run::told(self.guest(&disk)?.script(script).run())? {
            verdict if verdict.ok => Ok(()),
            verdict => Err(said(&verdict)),
        }
    }

    fn guest(&self, disk: &Path) -> Result<Guest> {
        let scratch = self.scratch.path();
        let mut guest = with_kmods(self.root.kernel.guest()?, &["30"], scratch)?
            .tree(&self.root.root)
            .disk(disk);
        for program in [self.root.path(), Path::new("/usr/bin/xz")] {
            guest = with_program(guest, program, scratch)?;
        }
        for version in [1, 2] {
            for name in NAMES {
                let file = scratch.join(format!("v{version}/{name}.ko"));
                guest = guest.file(format!("/out/{version}/{name}.ko"), file);
            }
        }
        let more = lab::file_systems(&self.root.kernel);
        for file in more.map_or_else(|_| Ok(Vec::new()), |folder| files(&folder))? {
            let (place, file) = file;
            guest = guest.file(format!("/file-systems/{place}"), file);
        }
        Ok(guest
            .file("/bin/depmod", scratch.join("depmod"))
            .timeout(Duration::from_secs(120)))
    }
}

/// The files below a folder: their places in it, and their paths.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(path) = pending.pop() {
        for entry in fs::read_dir(&path).map_err(|e| format!("{}: {e}", path.display()))? {
            let entry = entry.map_err(|error| error.to_string())?.path();
            if entry.is_dir() {
                pending.push(entry);
                continue;
            }
            let place = entry.strip_prefix(folder).unwrap_or(&entry);
            found.push((place.display().to_string(), entry.clone()));
        }
    }
    Ok(found)
}

fn said(verdict: &Verdict) -> String {
    format!("{}\n{}", verdict.text, verdict.log)
}
