//! Process trees: their processes, their processor time, and how to end them.

use std::fs;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::param;
use rustix::process::Signal;

use super::sys;

/// The parts of a line of `/proc/<id>/stat` that are used here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    id: u32,
    name: String,
    parent: u32,
    /// Whether it has ended and its parent has not waited for it yet.
    ended: bool,
    /// Its own processor time, and that of the children that it waited for, in clock ticks.
    ticks: u64,
}

/// The processes that `top` started, directly or through others, without `top` and without ended
/// ones. A process whose parent has ended only belongs to the tree if `top` [adopts](adopt_orphans)
/// it.
pub fn below(top: u32) -> Vec<u32> {
    let tree = tree(top).into_iter().filter(|entry| !entry.ended);
    tree.map(|entry| entry.id).filter(|id| *id != top).collect()
}

/// The processor time of `top` and all processes that it started, ended ones included.
pub fn processor_time(top: u32) -> Duration {
    let ticks: u64 = tree(top).iter().map(|entry| entry.ticks).sum();
    Duration::from_secs_f64(ticks as f64 / param::clock_ticks_per_second() as f64)
}

/// The processor time of the children that `process` has waited for, and of their children.
pub fn processor_time_of_ended_children(process: u32) -> Duration {
    let (_, words) = stat(process).unwrap_or_default();
    let ticks: u64 = [CHILDREN_USER, CHILDREN_SYSTEM]
        .iter()
        .filter_map(|place| words.get(*place)?.parse::<u64>().ok())
        .sum();
    Duration::from_secs_f64(ticks as f64 / param::clock_ticks_per_second() as f64)
}

/// Whether a process of this number exists and has not ended.
pub fn is_alive(id: u32) -> bool {
    entry(id).is_some_and(|entry| !entry.ended)
}

/// Kills `top` and all processes that it started.
pub fn kill(top: u32) {
    let mut stopped: Vec<u32> = Vec::new();
    loop {
        // Stopped processes cannot start others, so the next round finds all of them.
        let mut new: Vec<u32> = below(top);
        new.push(top);
        new.retain(|id| !stopped.contains(id));
        if new.is_empty() {
            break;
        }
        new.iter().for_each(|id| sys::signal(*id, Signal::STOP));
        stopped.extend(new);
    }
    stopped.iter().for_each(|id| sys::signal(*id, Signal::KILL));
}

/// Ends all processes that this process started, except those named in `spared`: asks them first,
/// and kills the rest after `grace`.
pub fn end_children(grace: Duration, spared: &[&str]) {
    // A process that ends before its children must not take them out of the tree.
    adopt_orphans();
    let own = std::process::id();
    let doomed = || -> Vec<u32> {
        let tree = tree(own).into_iter();
        let tree = tree.filter(|entry| !entry.ended && entry.id != own);
        tree.filter(|entry| !(entry.parent == own && spared.contains(&&*entry.name)))
            .map(|entry| entry.id)
            .collect()
    };
    for process in doomed() {
        sys::signal(process, Signal::TERM);
        // A stopped process gets no signal before it continues.
        sys::signal(process, Signal::CONT);
    }
    let begun = Instant::now();
    // A process that waits for a disk only ends when the disk has answered.
    while begun.elapsed() < grace + Duration::from_secs(60) {
        let left = doomed();
        if left.is_empty() {
            return;
        }
        if begun.elapsed() >= grace {
            left.into_iter().for_each(kill);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Has the kernel send the child SIGTERM when the thread that starts it ends in any way.
pub fn end_with_this_thread(command: &mut Command) {
    sys::end_with_this_thread(command);
}

/// Has the kernel kill this process when the thread that started it ends.
pub fn end_with_parent() {
    sys::end_with_parent();
}

/// Makes this process the parent of all processes below it whose own parents end.
pub fn adopt_orphans() {
    sys::adopt_orphans();
}

/// Waits for an ended child, adopted ones included; `None` if no child has ended yet. It takes
/// children away from [`std::process::Child`].
pub fn reap() -> Option<(u32, ExitStatus)> {
    sys::reap()
}

// The positions of words behind the name in `stat`.
const STATE: usize = 0;
const PARENT: usize = 1;
const USER: usize = 11;
const CHILDREN_USER: usize = 13;
const CHILDREN_SYSTEM: usize = 14;

/// A process's name, and the words behind it in `/proc/<id>/stat`.
fn stat(id: u32) -> Option<(String, Vec<String>)> {
    let text = fs::read(format!("/proc/{id}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name is in parentheses and may contain anything.
    let (front, rest) = text.rsplit_once(')')?;
    let (_, name) = front.split_once('(')?;
    let words = rest.split_whitespace().map(str::to_owned).collect();
    Some((name.to_owned(), words))
}

/// The process that started or adopted a process; `None` if the process does not exist any more.
pub fn parent(id: u32) -> Option<u32> {
    stat(id)?.1.get(PARENT)?.parse().ok()
}

fn entry(id: u32) -> Option<Entry> {
    let (name, words) = stat(id)?;
    let times = words.get(USER..=CHILDREN_SYSTEM)?.iter();
    Some(Entry {
        id,
        name,
        parent: words.get(PARENT)?.parse().ok()?,
        ended: matches!(words.get(STATE)?.as_str(), "Z" | "X"),
        ticks: times.filter_map(|word| word.parse::<u64>().ok()).sum(),
    })
}

/// `top` and the processes below it, parents first.
fn tree(top: u32) -> Vec<Entry> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = names.filter_map(|name| name.file_name().to_str()?.parse().ok());
    let mut rest: Vec<Entry> = ids.filter_map(entry).collect();
    let mut tree: Vec<Entry> = Vec::new();
    let mut next = vec![top];
    while let Some(wanted) = next.pop() {
        let belongs = |entry: &Entry| entry.parent == wanted || entry.id == top;
        let (found, others) = rest.into_iter().partition::<Vec<_>, _>(belongs);
        rest = others;
        next.extend(found.iter().map(|entry| entry.id).filter(|id| *id != top));
        tree.extend(found);
    }
    tree
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Stdio;

    use super::*;

    fn sh(script: &str) -> std::process::Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command.process_group(0).spawn().unwrap()
    }

    fn until(what: &str, so: impl Fn() -> bool) {
        let start = Instant::now();
        while !so() {
            assert!(start.elapsed() < Duration::from_secs(600), "{what}: never");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_tree_is_killed_with_those_that_lead_sessions_and_groups_of_their_own() {
        let mut top = sh("setsid sh -c 'sleep 1000; true' & sh -c 'sleep 1000; true' & wait");
        // Two shells, and the process that each of them waits for.
        until("four start", || below(top.id()).len() == 4);
        let all = below(top.id());
        kill(top.id());
        top.wait().unwrap();
        until("all end", || !all.iter().any(|id| is_alive(*id)));
    }

    #[test]
    fn the_processor_time_of_a_tree_includes_children_that_have_ended() {
        let busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let mut top = sh(&format!(
            "sh -c '{busy}'; sh -c '{busy}' & wait; sleep 1000"
        ));
        let enough = Duration::from_millis(100);
        until("time is used", || processor_time(top.id()) >= enough);
        until("they end", || {
            processor_time_of_ended_children(top.id()) >= enough
        });
        kill(top.id());
        top.wait().unwrap();
        assert_eq!(processor_time(top.id()), Duration::ZERO, "it is gone");
    }
}
