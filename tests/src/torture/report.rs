//! What a run of a kind found.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The line of a kind.
#[derive(Debug)]
pub struct Report {
    /// The kind.
    pub kind: &'static str,
    /// How many attempts were made.
    pub tried: u64,
    /// How many of them kept all promises.
    pub survived: u64,
    /// The others.
    pub losses: Vec<Loss>,
    /// How many attempts were made again because a command exceeded its limit the first time. The
    /// counts above have their second results.
    pub not_tried: u64,
    /// Whether the run was told to end. The attempt of that moment does not count.
    pub was_ended: bool,
    /// Why the kind cannot run on this machine.
    pub not_run: Option<String>,
    /// The parts of the kind that this machine cannot have, with the reasons.
    pub left_out: Vec<String>,
    /// With the preparation.
    pub elapsed: Duration,
}

impl Report {
    pub(super) fn new(kind: &'static str) -> Report {
        Report {
            kind,
            tried: 0,
            survived: 0,
            losses: Vec::new(),
            not_tried: 0,
            was_ended: false,
            not_run: None,
            left_out: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.not_run {
            return write!(f, "{:12} not run: {reason}", self.kind);
        }
        write!(
            f,
            "{:12} tried {:5}  survived {:5}  lost {:3}  {:6.0} s",
            self.kind,
            self.tried,
            self.survived,
            self.losses.len(),
            self.elapsed.as_secs_f32(),
        )?;
        if self.not_tried > 0 {
            write!(f, "  not tried at first {}", self.not_tried)?;
        }
        if self.was_ended {
            f.write_str("  ended by a signal")?;
        }
        for part in &self.left_out {
            write!(f, "\n             without {part}")?;
        }
        Ok(())
    }
}

/// A broken promise, and how to see it again.
#[derive(Debug)]
pub struct Loss {
    /// The kind.
    pub kind: &'static str,
    /// The seed of the run.
    pub seed: u64,
    /// The number of the attempt.
    pub number: u64,
    /// What was tried, a line each.
    pub tried: Vec<String>,
    /// What had to hold, and what was seen.
    pub problem: String,
    /// The folder with the attempt's files.
    pub files: PathBuf,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "lost: {} attempt {}", self.kind, self.number)?;
        for line in &self.tried {
            writeln!(f, "    {line}")?;
        }
        for line in self.problem.lines() {
            writeln!(f, "  | {line}")?;
        }
        writeln!(f, "  files: {}", self.files.display())?;
        write!(
            f,
            "  again: cargo xtask torture {} --seed {} --attempt {}",
            self.kind, self.seed, self.number
        )
    }
}
