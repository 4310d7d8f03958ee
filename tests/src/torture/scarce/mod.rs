//! Calls that lack something: they succeed or say so, and the next call has the right result.

mod shortage;

use std::path::Path;
use std::process::Command;

use super::works::{Deed, Works};
use super::{Attempt, Kind, LIMIT, Prepared, Scene, Setup};
use crate::disk::SmallDisk;
use crate::lab::packages;
use crate::run::{self, Output};
use crate::{Result, processes};
use shortage::Shortage;

pub(super) const KIND: Kind = Kind {
    name: "scarce",
    about: "too little disk, memory, processes or descriptors, and odd surroundings",
    few: 7,
    many: 100,
    scene,
};

fn scene(setup: &Setup) -> Result<Prepared> {
    if !packages::is_root() {
        return Ok(Prepared::NotHere("small disks take root".into()));
    }
    Ok(Prepared::Ready(Box::new(Scarce(Works::new(setup)?))))
}

struct Scarce(Works);

/// Each of these nine meets each of the sixteen shortages after 144 attempts.
const DEEDS: &[Deed] = &[
    Deed::Build,
    Deed::Install,
    Deed::Sign,
    Deed::Edit,
    Deed::Clean,
    Deed::Upgrade,
    Deed::Package,
    Deed::Uninstall,
    Deed::Rollback,
];

impl Scene for Scarce {
    fn attempt(&mut self, attempt: &mut Attempt) -> Result<()> {
        let number = attempt.number() as usize;
        let deed = DEEDS[number % DEEDS.len()];
        let shortage = match Shortage::choose(number, &mut attempt.random) {
            // A root's files are of root.
            Shortage::Processes(number) if deed.is_rooted() => Shortage::Descriptors(number),
            shortage => shortage,
        };
        attempt.say(format!("{deed:?} with {shortage:?}"));
        let folder = attempt.folder().to_owned();
        let disk = match shortage {
            Shortage::Disk(_) | Shortage::Files(_) => {
                let disk = SmallDisk::mount(&folder, "512m");
                Some(disk.ok_or("a small disk cannot be mounted")?)
            }
            _ => None,
        };
        let mut work = self.0.begin(deed, &folder)?;
        // It writes modules to install.
        let command = work.command()?;
        match (&disk, shortage) {
            (Some(disk), Shortage::Disk(kib)) => disk.leave(kib)?,
            (Some(disk), Shortage::Files(number)) => disk.leave_files(number)?,
            _ => {}
        }
        let call = shortage.around(&command, &folder, &self.0.source())?;
        let output = survived(call, shortage, &folder)?;
        let told = |problem| format!("{problem}\n{:?}\n{}", output.status, output.err());
        if let Some(disk) = &disk {
            disk.resize("512m")?;
            disk.leave_files(100_000)?;
        }
        if let Shortage::Processes(_) = shortage {
            // Root does not use folders of the user who made this call.
            let mut chown = Command::new("chown");
            run::checked(chown.args(["-R", "0:0"]).arg(&folder), LIMIT)?;
        }
        work.is_whole().map_err(told)?;
        work.next().map_err(told)
    }
}

/// Runs the call: it ends in time and by itself, without a panic, and says why it failed.
fn survived(mut call: Command, shortage: Shortage, folder: &Path) -> Result<Output> {
    let output = run::run(&mut call, LIMIT)?;
    let text = output.err();
    let problem = match output.status.code() {
        _ if text.contains("panicked at") => "it panicked",
        Some(0) => return nothing_runs(folder).map(|()| output),
        // Not even its libraries were loaded.
        Some(126 | 127) if shortage.is_limit() => return Ok(output),
        Some(1 | 2) if shortage.is_mute() || !text.trim().is_empty() => {
            return nothing_runs(folder).map(|()| output);
        }
        Some(1 | 2) => "it failed without a message",
        _ => "it ended otherwise than with 0 or 1",
    };
    Err(format!("{problem}: {}\n{call:?}\n{text}", output.status))
}

fn nothing_runs(folder: &Path) -> Result<()> {
    let left = processes::around(folder);
    match left.first() {
        None => Ok(()),
        Some(process) => Err(format!("still running: {}", process.line)),
    }
}
