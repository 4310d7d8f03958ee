//! Limits of commands, which tell a hung command from a slow one.
//!
//! The clock on the wall cannot tell: with ten other jobs on the machine, the same build takes ten
//! times as long. So the command's own clocks count: the processor time of its process tree, and
//! the time in which the tree does nothing.

use std::time::{Duration, Instant};

use super::tree;

/// The limits of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time without progress: no output, and next to no processor time.
    pub idle: Duration,
    /// Processor time of the command and all processes that it started. It ends endless loops.
    pub processor: Duration,
    /// Time by the clock on the wall. It ends commands that poll forever.
    pub wall: Duration,
}

impl Limits {
    /// This much time by the clock on the wall, for a command that is meant to be killed.
    pub fn wall(limit: Duration) -> Limits {
        Limits {
            idle: limit,
            processor: Duration::MAX,
            wall: limit,
        }
    }
}

/// Limits from the longest time that a command takes on an idle machine.
impl From<Duration> for Limits {
    fn from(takes: Duration) -> Limits {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Limits {
            idle: takes.max(minutes(3)),
            processor: (takes * 3).max(minutes(3)),
            wall: (takes * 6).max(minutes(20)),
        }
    }
}

/// Watches one running command.
#[derive(Debug)]
pub struct Patience {
    process: u32,
    limits: Limits,
    begun: Instant,
    /// The time of its last progress.
    active: Instant,
    looked: Instant,
    /// Its processor time at its last progress, and the largest value so far.
    used: Duration,
    most: Duration,
}

impl Patience {
    /// Watches the process `process`, which has just started.
    pub fn new(process: u32, limits: Limits) -> Patience {
        let now = Instant::now();
        Patience {
            process,
            limits,
            begun: now,
            active: now,
            looked: now,
            used: Duration::ZERO,
            most: Duration::ZERO,
        }
    }

    /// Notes that the command has written something.
    pub fn heard(&mut self) {
        self.active = Instant::now();
    }

    /// The reason why the command should not be waited for any longer; `None` while it may go on.
    /// Call this often; it checks the processes about every five seconds.
    pub fn exhausted(&mut self) -> Option<String> {
        let now = Instant::now();
        let (elapsed, limits) = (now - self.begun, self.limits);
        if elapsed >= limits.wall {
            return Some(format!("after {} s", limits.wall.as_secs_f32()));
        }
        // A look reads something of every process of the machine.
        let limit = limits.idle.min(limits.processor);
        let pause = Duration::from_secs(5).min(limit / 4);
        if now - self.looked < pause {
            return None;
        }
        self.looked = now;
        let used = tree::processor_time(self.process);
        self.most = self.most.max(used);
        if self.most >= limits.processor {
            let seconds = limits.processor.as_secs_f32();
            return Some(format!("after {seconds} s of processor time"));
        }
        // A process that polls uses a little time, which is not progress. The time can shrink when
        // a process leaves the tree with the time that it used.
        let idle = now - self.active;
        if used < self.used || used - self.used > idle / 200 {
            self.active = now;
            self.used = used;
        } else if idle >= limits.idle {
            return Some(format!("after {} s without progress", idle.as_secs()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn sh(script: &str) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command.spawn().unwrap()
    }

    /// Watches a script until it ends or its patience is exhausted; returns the reason for the
    /// latter.
    fn watched(script: &str, limits: Limits) -> Option<String> {
        let mut child = sh(script);
        let mut patience = Patience::new(child.id(), limits);
        let why = loop {
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            if let Some(why) = patience.exhausted() {
                break why;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        tree::kill(child.id());
        child.wait().unwrap();
        Some(why)
    }

    const LONG: Duration = Duration::from_secs(600);

    fn limits() -> Limits {
        Limits {
            idle: LONG,
            processor: LONG,
            wall: LONG,
        }
    }

    #[test]
    fn a_command_that_works_longer_than_it_may_be_idle_goes_on() {
        // Each of its commands ends at once, like many compilers.
        let busy = "end=$(($(date +%s) + 3)); while [ $(date +%s) -lt $end ]; do sleep 0.02; done";
        let idle = Duration::from_secs(1);
        let start = Instant::now();
        let ended = watched(busy, Limits { idle, ..limits() });
        assert_eq!(ended, None);
        assert!(start.elapsed() > idle, "too short to show anything");
    }

    #[test]
    fn a_command_that_does_nothing_is_given_up_and_so_is_one_that_only_looks_again_and_again() {
        let idle = Duration::from_millis(600);
        for script in ["sleep 1000", "sh -c 'sleep 1000'; true"] {
            let why = watched(script, Limits { idle, ..limits() });
            let why = why.unwrap();
            assert!(why.ends_with("s without progress"), "{why}");
        }
        let wall = Duration::from_millis(600);
        let polls = "while :; do sleep 0.01; done";
        let why = watched(polls, Limits { wall, ..limits() });
        assert_eq!(why.unwrap(), "after 0.6 s");
    }

    #[test]
    fn an_endless_loop_is_given_up_by_its_processor_time() {
        let processor = Duration::from_millis(300);
        let why = watched(
            "sh -c 'while :; do :; done'",
            Limits {
                processor,
                ..limits()
            },
        );
        assert_eq!(why.unwrap(), "after 0.3 s of processor time");
    }

    #[test]
    fn output_is_progress() {
        let mut child = sh("sleep 1000");
        let idle = Duration::from_millis(200);
        let mut patience = Patience::new(child.id(), Limits { idle, ..limits() });
        let start = Instant::now();
        while start.elapsed() < idle * 3 {
            patience.heard();
            assert_eq!(patience.exhausted(), None);
            std::thread::sleep(Duration::from_millis(5));
        }
        tree::kill(child.id());
        child.wait().unwrap();
    }
}
