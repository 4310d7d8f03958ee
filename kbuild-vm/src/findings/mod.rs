//! Reads a kernel's log, and names what went wrong.
//!
//! # Decisions
//! - A finding begins with words at the start of a message, so a module may print `Oops:` after its
//!   own name.
//! - Lines without the time, the level and the caller: a kernel prints them or not.
//! - Findings that follow from another one in the same report of the kernel are not separate: the
//!   `Oops:` after `BUG: unable to handle`.

mod excerpt;
mod rules;

use std::fmt;

pub(crate) use excerpt::cut;
use rules::{Start, start_of};

/// The mark that the guest writes into the kernel's log before each step.
pub(crate) const MARK: &str = "@test ";

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FindingKind {
    /// The kernel panicked.
    Panic,
    /// A bad access, an invalid instruction, or `BUG_ON`.
    Oops,
    /// Another `BUG:`, such as `BUG: Bad page state`.
    Bug,
    /// `WARN`, `WARN_ON` and their kin.
    Warning,
    /// Locks that can deadlock, or are used wrongly (lockdep).
    Lockdep,
    /// A sleep where the kernel must not sleep.
    AtomicSleep,
    /// A task that waited for too long.
    HungTask,
    /// A processor that did nothing else for too long.
    Lockup,
    /// A grace period of RCU that did not end.
    RcuStall,
    /// Undefined behaviour (UBSAN).
    Ubsan,
    /// A bad access that KASAN, KFENCE, KMSAN or KCSAN saw.
    Sanitizer,
    /// Memory that nothing points to any more (kmemleak).
    Leak,
    /// A flag in the kernel's taint that was not expected.
    Taint,
    /// A module that did not load.
    Load,
    /// A module that did not unload.
    Unload,
    /// The command in the guest failed.
    Command,
    /// A test case of KUnit failed.
    Kunit,
    /// The guest exceeded its time.
    Timeout,
    /// The kernel did not reach the test.
    Boot,
}

impl FindingKind {
    /// Its name in JSON and in messages.
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Panic => "panic",
            FindingKind::Oops => "oops",
            FindingKind::Bug => "bug",
            FindingKind::Warning => "warning",
            FindingKind::Lockdep => "lockdep",
            FindingKind::AtomicSleep => "atomic-sleep",
            FindingKind::HungTask => "hung-task",
            FindingKind::Lockup => "lockup",
            FindingKind::RcuStall => "rcu-stall",
            FindingKind::Ubsan => "ubsan",
            FindingKind::Sanitizer => "sanitizer",
            FindingKind::Leak => "leak",
            FindingKind::Taint => "taint",
            FindingKind::Load => "load",
            FindingKind::Unload => "unload",
            FindingKind::Command => "command",
            FindingKind::Kunit => "kunit",
            FindingKind::Timeout => "timeout",
            FindingKind::Boot => "boot",
        }
    }
}

/// Something that went wrong in a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub kind: FindingKind,
    /// One line: the kernel's own words, where it has some.
    pub headline: String,
    /// The step: `load hello`, `run`, `unload hello`, `after unload`, `leaks`. Empty if it is not known.
    pub step: String,
    /// The lines of the log that matter, without the headline.
    pub excerpt: Vec<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.headline)?;
        if !self.step.is_empty() {
            write!(f, " ({})", self.step)?;
        }
        self.excerpt
            .iter()
            .try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// The findings in a kernel's log, in its order. `log` is the output of `dmesg`, or a console.
pub fn findings(log: &str) -> Vec<Finding> {
    let lines: Vec<&str> = log.lines().map(message).collect();
    let mut found: Vec<Finding> = Vec::new();
    let mut step = String::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if let Some(mark) = line.strip_prefix(MARK) {
            step = mark.trim_end().to_owned();
        }
        let Some(start) = start_of(line) else {
            at += 1;
            continue;
        };
        let end = at + 1 + length(&start, &lines[at + 1..]);
        found.push(Finding {
            kind: start.kind,
            headline: line.trim().to_owned(),
            step: step.clone(),
            excerpt: cut(start.kind, &lines[at + 1..end]),
        });
        at = end;
    }
    found
}

/// The most lines of one report. Lockdep's reports are long.
const LONGEST: usize = 300;

/// The number of lines that belong to a report, behind its first one.
fn length(start: &Start, lines: &[&str]) -> usize {
    let mut has_trace = false;
    for (at, line) in lines.iter().enumerate().take(LONGEST) {
        if line.starts_with("---[ end ") {
            return at + 1;
        }
        let other = start_of(line).is_some_and(|next| next.kind != start.kind || has_trace);
        if line.starts_with(MARK) || line.starts_with("@guest ") || other {
            return at;
        }
        let is_end = match start.has_end_mark {
            true => false,
            false => line.trim() == "</TASK>",
        };
        if is_end {
            return at + 1;
        }
        has_trace |= line.trim_end().ends_with("Call Trace:") || line.starts_with("Call trace:");
    }
    lines.len().min(LONGEST)
}

/// A line of a log without its level, time and caller: `<4>[    1.5][  T70] text`.
pub(crate) fn message(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    let mut rest = line;
    if let Some((level, behind)) = rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
        if level.bytes().all(|b| b.is_ascii_digit()) {
            rest = behind;
        }
    }
    for _ in 0..2 {
        let Some((inside, behind)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) else {
            break;
        };
        let word = inside.trim();
        let is_prefix = !word.is_empty()
            && word
                .trim_start_matches(['T', 'C'])
                .bytes()
                .all(|b| b.is_ascii_digit() || b == b'.');
        if !is_prefix {
            break;
        }
        rest = behind;
    }
    match rest.len() == line.len() {
        true => rest,
        false => rest.strip_prefix(' ').unwrap_or(rest),
    }
}

#[cfg(test)]
mod tests;
