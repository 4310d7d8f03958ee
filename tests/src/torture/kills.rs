//! Calls that are killed at any time: the next call gives the right result.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use kbuild_vm::process::tree;

use super::works::{Deed, Works};
use super::{Attempt, Kind, LIMIT, Prepared, Scene};
use crate::processes::{self, Signal};
use crate::{Limits, Result};

pub(super) const KIND: Kind = Kind {
    name: "kills",
    about: "SIGKILL at a random moment of a build, an install, a signature or a package",
    few: 5,
    many: 100,
    scene: |setup| Ok(Prepared::Ready(Box::new(Kills(Works::new(setup)?)))),
};

struct Kills(Works);

/// The processes that are killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    /// The program with all that it has started.
    All,
    Program,
    /// The make that the program has started.
    Make,
}

/// The time in which the children of a killed program end: compilers finish first.
const GRACE: Duration = Duration::from_secs(300);

impl Scene for Kills {
    fn attempt(&mut self, attempt: &mut Attempt) -> Result<()> {
        let deed = Deed::ALL[attempt.number() as usize % Deed::ALL.len()];
        let folder = attempt.folder().to_owned();
        let mut work = self.0.begin(deed, &folder)?;
        let usual = self.0.usual(deed);
        let random = &mut attempt.random;
        let kills = 1 + random.below(3);
        for _ in 0..kills {
            let random = &mut attempt.random;
            let victim = match random.below(5) {
                0 if deed.has_make() => Victim::Make,
                1 | 2 => Victim::Program,
                _ => Victim::All,
            };
            // A little more than the whole time.
            let permille = random.below(1050) as u32;
            attempt.say(format!("{deed:?}: {victim:?} killed at {permille} ‰"));
            let what = format!("after the kill of {victim:?} at {permille} ‰ of {usual:?}");
            // An earlier kill may have come too late.
            let may_refuse = work.is_done();
            let mut running = Running::start(&mut work.command()?, &folder)?;
            std::thread::sleep(usual * permille / 1000);
            running.kill(victim);
            running.ended(victim, may_refuse)?;
            nothing_runs(&folder)?;
            work.is_whole()
                .map_err(|problem| format!("{what}: {problem}\n{}", running.said()))?;
        }
        work.next()?;
        nothing_runs(&folder)
    }
}

/// A call in the background.
struct Running {
    child: Child,
    said: std::path::PathBuf,
}

impl Running {
    fn start(command: &mut Command, folder: &Path) -> Result<Running> {
        let said = folder.join("said");
        let file = File::create(&said).map_err(|error| error.to_string())?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .map_err(|error| error.to_string())?;
        Ok(Running { child, said })
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    fn kill(&mut self, victim: Victim) {
        match victim {
            Victim::All => tree::kill(self.child.id()),
            // It may have ended.
            Victim::Program => drop(self.child.kill()),
            Victim::Make => {
                let own = self.child.id();
                let makes = processes::below(own);
                let make = makes
                    .iter()
                    .find(|process| process.parent == own && process.program.ends_with("make"));
                if let Some(make) = make {
                    make.signal(Signal::KILL);
                }
            }
        }
    }

    /// Waits for the end. Whoever was not killed says what happened.
    fn ended(&mut self, victim: Victim, may_refuse: bool) -> Result<()> {
        let begun = Instant::now();
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                break status;
            }
            if begun.elapsed() > Limits::from(LIMIT).wall {
                tree::kill(self.child.id());
                return Err(format!("it hangs\n{}", self.said()));
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let said = self.said();
        match (status.code(), victim) {
            (Some(0), _) | (None, Victim::All | Victim::Program) => Ok(()),
            (Some(2), _) if may_refuse => Ok(()),
            (Some(1), Victim::Make) if !said.trim().is_empty() && !said.contains("panicked") => {
                Ok(())
            }
            _ => Err(format!("it ended with {status}\n{said}")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            tree::kill(self.child.id());
            // A killed child ends.
            let _ = self.child.wait();
        }
    }
}

/// Waits until no process works in the folder.
fn nothing_runs(folder: &Path) -> Result<()> {
    let begun = Instant::now();
    loop {
        let left = processes::around(folder);
        if left.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > GRACE {
            let lines: Vec<_> = left.iter().map(|process| &*process.line).collect();
            return Err(format!("still running:\n{}", lines.join("\n")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
