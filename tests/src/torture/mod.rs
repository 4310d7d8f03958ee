//! Torture: what chance gives to kbuild-rs, and what has to hold whatever that is.
//!
//! A [`Kind`] prepares its [`Scene`] once. Attempts follow, one after another. Each has random
//! numbers of its own, which depend on the seed, the kind and the number of the attempt only, so that
//! any attempt can be repeated without those before it.
//!
//! `cargo xtask torture` runs the kinds for a time, the suite `torture` for a few attempts each.
//!
//! Two endings of an attempt say nothing about kbuild-rs: a signal that ends the whole run, and a
//! command that exceeds its limit on a busy machine. The first does not count. The second is tried
//! again, and is a loss if it happens twice in a row.

mod attempt;
mod crowds;
mod files;
mod ground;
mod hostile;
mod kills;
mod names;
mod power;
mod report;
mod same_bytes;
mod scarce;
mod swaps;
mod works;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use attempt::Attempt;
pub use ground::{Ground, LIMIT, call};
pub use report::{Loss, Report};

use crate::{Result, run};

/// All kinds, in the order in which they run.
pub const KINDS: &[Kind] = &[
    names::KIND,
    hostile::KIND,
    swaps::KIND,
    same_bytes::KIND,
    kills::KIND,
    power::KIND,
    scarce::KIND,
    crowds::KIND,
];

/// One kind of torture.
#[derive(Debug)]
pub struct Kind {
    /// The word for the command line.
    pub name: &'static str,
    /// What it tries, in a few words.
    pub about: &'static str,
    /// How many attempts the tests make: about fifteen seconds of processor time.
    pub few: u64,
    /// How many attempts the full tests make: some minutes.
    pub many: u64,
    /// Prepares what all attempts share.
    pub scene: fn(&Setup) -> Result<Prepared>,
}

/// What a run was given.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program under test.
    pub program: PathBuf,
    /// The first number of every attempt's random numbers.
    pub seed: u64,
    /// A folder in which the files of lost attempts stay.
    pub kept: PathBuf,
}

/// A scene, or the reason why this machine cannot have it.
pub enum Prepared {
    /// Attempts can begin.
    Ready(Box<dyn Scene>),
    /// For example: no root, no QEMU.
    NotHere(String),
}

/// What all attempts of a kind share.
pub trait Scene {
    /// Makes one attempt.
    ///
    /// # Errors
    /// If a promise is broken: what had to hold, and what was seen. An attempt that cannot be made
    /// is an error as well.
    fn attempt(&mut self, attempt: &mut Attempt) -> Result<()>;

    /// The parts of the kind that this machine cannot have, with the reasons.
    fn left_out(&self) -> Vec<String> {
        Vec::new()
    }
}

/// How long a kind runs.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// The attempts from 0 to below this number.
    Attempts(u64),
    /// Attempts until this time has passed. The last one ends in its own time.
    Time(Duration),
    /// Only the attempt with this number.
    Only(u64),
}

impl Extent {
    fn numbers(self) -> (u64, u64) {
        match self {
            Extent::Attempts(end) => (0, end),
            Extent::Time(_) => (0, u64::MAX),
            Extent::Only(number) => (number, number + 1),
        }
    }
}

/// The one that hears of a run while it goes on.
pub trait Listener {
    /// An attempt was lost.
    fn lost(&self, loss: &Loss);

    /// A command of an attempt exceeded a limit, and the attempt is made again.
    fn not_tried(&self, kind: &str, number: u64, why: &str);

    /// Whether the run is told to end.
    fn is_told_to_end(&self) -> bool;
}

/// The time in which this process hears of a signal that has already ended its children.
const HEARD: Duration = Duration::from_secs(1);

/// Runs a kind.
///
/// # Errors
/// If the scene cannot be prepared.
pub fn run_kind(
    kind: &Kind,
    setup: &Setup,
    extent: Extent,
    listener: &dyn Listener,
) -> Result<Report> {
    let start = Instant::now();
    let mut report = Report::new(kind.name);
    let mut scene = match (kind.scene)(setup)? {
        Prepared::Ready(scene) => scene,
        Prepared::NotHere(reason) => {
            report.not_run = Some(reason);
            return Ok(report);
        }
    };
    let begin = Instant::now();
    let (first, end) = extent.numbers();
    for number in first..end {
        if matches!(extent, Extent::Time(time) if begin.elapsed() >= time) {
            break;
        }
        one(&mut *scene, kind, setup, number, listener, &mut report)?;
        if listener.is_told_to_end() {
            report.was_ended = true;
            break;
        }
    }
    report.left_out = scene.left_out();
    report.elapsed = start.elapsed();
    Ok(report)
}

/// Makes an attempt, and counts its result. If a command exceeds its limit, this may be the fault of
/// a busy machine, so the attempt is made again, once.
fn one(
    scene: &mut dyn Scene,
    kind: &Kind,
    setup: &Setup,
    number: u64,
    listener: &dyn Listener,
    report: &mut Report,
) -> Result<()> {
    for is_again in [false, true] {
        let mut attempt = Attempt::new(kind.name, setup.seed, number)?;
        let exceeded = run::exceeded();
        let Err(problem) = scene.attempt(&mut attempt) else {
            report.tried += 1;
            report.survived += 1;
            return Ok(());
        };
        std::thread::sleep(HEARD);
        if listener.is_told_to_end() {
            return Ok(());
        }
        if !is_again && run::exceeded() > exceeded {
            report.not_tried += 1;
            listener.not_tried(kind.name, number, &problem);
            continue;
        }
        report.tried += 1;
        let loss = attempt.lost(setup, problem);
        listener.lost(&loss);
        report.losses.push(loss);
        return Ok(());
    }
    Ok(())
}

/// The kinds with these names; all if there are none.
///
/// # Errors
/// If a name is not one of a kind.
pub fn named(names: &[&str]) -> Result<Vec<&'static Kind>> {
    if names.is_empty() {
        return Ok(KINDS.iter().collect());
    }
    let find = |name: &&str| {
        let known: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        KINDS
            .iter()
            .find(|kind| kind.name == *name)
            .ok_or_else(|| format!("there is no kind `{name}`; there are: {}", known.join(" ")))
    };
    names.iter().map(find).collect()
}

/// The folder in which lost attempts stay, beside the build's products.
#[must_use]
pub fn kept_in(target: &Path) -> PathBuf {
    target.join("torture")
}

#[cfg(test)]
mod tests;
