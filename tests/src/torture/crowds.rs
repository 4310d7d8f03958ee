//! Many calls at once on one output directory, one root, one pool or one jobserver: all end, and the
//! next call gives the right result.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kbuild_vm::process::tree;

use super::works::{Deed, Works, done, set_variant};
use super::{Attempt, Kind, LIMIT, Prepared, Scene};
use crate::jobserver::Jobserver;
use crate::random::Random;
use crate::root::{Root, modules, unpacked};
use crate::{Limits, Result};

pub(super) const KIND: Kind = Kind {
    name: "crowds",
    about: "up to 16 calls at once, an editor beside, clean between",
    few: 2,
    many: 40,
    scene: |setup| Ok(Prepared::Ready(Box::new(Crowds(Works::new(setup)?)))),
};

struct Crowds(Works);

/// The largest number of calls at once.
const MOST: u64 = 16;

impl Scene for Crowds {
    fn attempt(&mut self, attempt: &mut Attempt) -> Result<()> {
        match attempt.number() % 4 {
            0 => self.builders(attempt, Some(Shared::Jobserver)),
            1 => self.installers(attempt),
            2 => self.builders(attempt, None),
            _ => self.builders(attempt, Some(Shared::Pool)),
        }
    }
}

/// From where builders take their jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shared {
    Jobserver,
    Pool,
}

/// The tokens of a jobserver. make returns a token of its own for each that it took, so they are
/// counted.
const TOKENS: &[u8] = b"abc";

impl Crowds {
    /// Builders of one output directory. An editor and `clean` disturb them unless they share a
    /// jobserver or a pool, whose folders are all busy then.
    fn builders(&self, attempt: &mut Attempt, shared: Option<Shared>) -> Result<()> {
        let folder = attempt.folder().to_owned();
        let mut work = self.0.begin(Deed::Build, &folder)?;
        let random = &mut attempt.random;
        let number = 4 + random.below(MOST - 3);
        let cleans = match shared {
            None => random.below(4),
            Some(_) => 0,
        };
        let edits = random.below(5) as usize;
        let pauses: Vec<u64> = (0..number + cleans).map(|_| random.below(400)).collect();
        attempt.say(format!(
            "{number} builders, {cleans} times clean, {edits} edits, {shared:?}, pauses {pauses:?} ms"
        ));
        let server = match shared {
            Some(Shared::Jobserver) => Some(Jobserver::fifo(&folder.join("tokens"), TOKENS)?),
            _ => None,
        };
        let clean = self.0.clean(&folder)?;
        let mut calls = Vec::new();
        for number in 0..number + cleans {
            let is_clean = number % 5 == 4 && number / 5 < cleans;
            if is_clean {
                calls.push(crate::torture::works::in_front(&["env"], &clean));
                continue;
            }
            // With a common jobserver or pool, some have an output directory of their own.
            let own = match shared {
                Some(_) if number % 4 == 1 => folder.join(format!("own-{number}")),
                _ => folder.clone(),
            };
            let mut command = self.0.build(&own, shared == Some(Shared::Pool))?;
            if let Some(server) = &server {
                server.hand(&mut command);
            }
            calls.push(command);
        }
        let source = self.0.source();
        let ended = AtomicBool::new(false);
        let said = std::thread::scope(|scope| {
            let edit = || edit(&source, edits, &ended);
            let editor = scope.spawn(edit);
            let said = at_once(calls, &pauses, &folder);
            ended.store(true, Ordering::Relaxed);
            let edited = editor
                .join()
                .unwrap_or_else(|_| Err("the editor ended".into()));
            edited.and(said)
        })?;
        // A build may fail whose sources change, or whose outputs are removed.
        if let Some(problem) = said
            .into_iter()
            .flatten()
            .find(|_| edits == 0 && cleans == 0)
        {
            return Err(problem);
        }
        if let Some(server) = server {
            let tokens = server.tokens()?;
            if tokens.len() != TOKENS.len() {
                return Err(format!("the jobserver has {tokens:?} in the end"));
            }
        }
        set_variant(&source, 0)?;
        work.next()
    }

    /// Calls about other modules, and about the same ones, of one root.
    fn installers(&self, attempt: &mut Attempt) -> Result<()> {
        let folder = attempt.folder().to_owned();
        let ground = &self.0.rooted;
        let root = Root::new(&ground.kernel, &folder, ground.path())?;
        let random = &mut attempt.random;
        let number = 4 + random.below(MOST - 3);
        let mut names = Vec::new();
        let mut calls = Vec::new();
        let mut what = String::new();
        for place in 0..number {
            let version = 1 + random.below(9) as u32;
            let name = *random.pick(&["dummy", "kt_base", "ifb", "kt_dkms"]);
            match random.below(6) {
                0 => {
                    what += &format!("uninstall {name}, ");
                    calls.push(root.uninstall(&[name]));
                }
                1 => {
                    what += "rollback, ";
                    calls.push(root.program("rollback"));
                }
                2 => {
                    let other = format!("kt_n{place:03}");
                    let path = folder.join(format!("{other}.ko"));
                    let bytes = modules::renamed(&ground.kernel, "kt_dkms", &other)?;
                    std::fs::write(&path, bytes).map_err(|error| error.to_string())?;
                    what += &format!("install {other}, ");
                    let mut call = root.program("install");
                    call.arg(path);
                    calls.push(call);
                    names.push(other);
                }
                _ => {
                    what += &format!("install {name} {version}, ");
                    calls.push(root.install(&[(name, version), ("nlmon", version)])?);
                }
            }
        }
        let pauses: Vec<u64> = calls.iter().map(|_| random.below(60)).collect();
        attempt.say(format!("{what}pauses {pauses:?} ms"));
        for problem in at_once(calls, &pauses, &folder)?.into_iter().flatten() {
            if !REFUSED.iter().any(|words| problem.contains(words)) {
                return Err(problem);
            }
        }
        done(&mut root.install(&[("kt_top", 1), ("kt_base", 1)])?)?;
        is_right(&root, &names)
    }
}

/// There was nothing to remove, or to go back to.
const REFUSED: [&str; 2] = ["has not installed a module", "nothing to"];

/// Index, journal and files agree.
fn is_right(root: &Root, renamed: &[String]) -> Result<()> {
    let mut here = Vec::new();
    for name in ["dummy", "ifb", "kt_base", "kt_dkms", "kt_top", "nlmon"] {
        root.is_chosen(name)?;
        here.extend(root.version(name)?.map(|_| name.to_owned()));
    }
    for name in renamed {
        if let Some(path) = root.installed(name) {
            root.is_chosen(name)?;
            if unpacked(&path)? != modules::renamed(&root.kernel, "kt_dkms", name)? {
                return Err(format!("{name} is not whole"));
            }
            here.push(name.clone());
        }
    }
    here.sort();
    let here: Vec<_> = here
        .into_iter()
        .map(|name| (name, "intact".into()))
        .collect();
    let journal: Vec<(String, String)> = root.journal()?;
    if journal != here {
        return Err(format!("the journal has {journal:?}, not {here:?}"));
    }
    done(&mut root.program("verify"))?;
    match root.left_over() {
        left if left.is_empty() => Ok(()),
        left => Err(format!("left over: {}", left.join(" "))),
    }
}

/// Edits the sources so many times while others build.
fn edit(source: &Path, times: usize, ended: &AtomicBool) -> Result<()> {
    let mut random = Random::seeded(times as u64 + 1);
    for time in 0..times {
        std::thread::sleep(Duration::from_millis(random.below(900)));
        if ended.load(Ordering::Relaxed) {
            break;
        }
        set_variant(source, (time + 1) % 2)?;
    }
    Ok(())
}

/// Starts all calls after their pauses. Waits for all, and gives the problem of each that failed.
///
/// # Errors
/// If one of them does not end by itself, with 0 or 1.
fn at_once(calls: Vec<Command>, pauses: &[u64], folder: &Path) -> Result<Vec<Option<String>>> {
    let mut running = Vec::new();
    for (number, (mut call, pause)) in calls.into_iter().zip(pauses).enumerate() {
        std::thread::sleep(Duration::from_millis(*pause));
        let said = folder.join(format!("said-{number}"));
        let file = std::fs::File::create(&said).map_err(|error| error.to_string())?;
        call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let child = call.spawn().map_err(|error| error.to_string())?;
        running.push((Ending(child), said));
    }
    let limit = Limits::from(LIMIT * MOST as u32).wall;
    let begun = Instant::now();
    let mut problems = Vec::new();
    for (mut child, said) in running {
        let status = loop {
            if let Some(status) = child.0.try_wait().map_err(|error| error.to_string())? {
                break status;
            }
            if begun.elapsed() > limit {
                return Err(format!("it hangs: see {}", said.display()));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let text = std::fs::read_to_string(&said).unwrap_or_default();
        problems.push(match status.code() {
            _ if text.contains("panicked at") => return Err(text),
            Some(0) => None,
            Some(1 | 2) if !text.trim().is_empty() => Some(text),
            _ => return Err(format!("it ended with {status}\n{text}")),
        });
    }
    Ok(problems)
}

/// A child that does not outlive this.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            tree::kill(self.0.id());
            // A killed child ends.
            let _ = self.0.wait();
        }
    }
}
