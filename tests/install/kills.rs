//! The program is killed at random times: the next call finds the old modules or the new ones.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kbuild_tests::processes::{self, Signal};
use kbuild_tests::random::Random;
use kbuild_tests::{run, scope};

use crate::picture::Picture;
use crate::world::{LIMIT, World, done};

/// Installed together. The kernel has a module of the first name.
const PAIR: [&str; 2] = ["dummy", "kt_base"];

/// The version of both, if they are installed.
type State = Option<u32>;

#[test]
fn after_a_kill_at_any_time_the_next_call_finds_the_old_or_the_new_modules() {
    let Some(world) = World::here() else {
        return;
    };
    let pristine = Picture::take(&world.root);
    let mut random = Random::new();
    let rounds = if scope::is_full() { 300 } else { 30 };
    let usual = usual(&world);
    let mut kept = [0, 0];
    for round in 0..rounds {
        let old = state(&world, "before");
        let new = next(old, round, &mut random);
        let delay = Duration::from_micros(random.below(usual.as_micros() as u64));
        // Sometimes its children live on.
        let all = random.below(4) > 0;
        let what = format!(
            "seed {}, round {round}: {old:?} -> {new:?} killed after {delay:?}, {all}",
            random.seed
        );
        killed(&mut change(&world, new), delay, all);
        for name in PAIR {
            // Whole, whichever it is.
            let _ = world.version_or(name, &what);
        }
        another_call(&world, round);
        let now = state(&world, &what);
        assert!(now == old || now == new, "{what}: {now:?}");
        kept[usize::from(now == new)] += 1;
        is_right(&world, &what);
    }
    // Some calls are killed early, and some late.
    assert!(!kept.contains(&0), "{kept:?} of {usual:?}");
    for name in [&PAIR[..], &["ifb"]].concat() {
        if world.installed(name).is_some() {
            done(&mut world.uninstall(&[name]));
        }
    }
    assert_eq!(pristine.differences(&Picture::take(&world.root)), [""; 0]);
}

/// The time of a call that is not killed.
fn usual(world: &World) -> Duration {
    // Builds the modules.
    drop(change(world, Some(1)));
    let start = Instant::now();
    done(&mut change(world, Some(1)));
    done(&mut change(world, Some(2)));
    start.elapsed() / 2
}

/// An install, an upgrade or an uninstall.
fn next(old: State, round: u32, random: &mut Random) -> State {
    match old {
        Some(_) if random.below(3) == 0 => None,
        _ => Some(1 + (old.unwrap_or(round) + 1) % 9),
    }
}

fn change(world: &World, to: State) -> Command {
    match to {
        Some(version) => world.install(&PAIR.map(|name| (name, version))),
        None => world.uninstall(&PAIR),
    }
}

/// Kills a call after some time; `all` of its processes, or it alone.
fn killed(command: &mut Command, delay: Duration, all: bool) {
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(delay);
    if all {
        processes::signal_group(child.id(), Signal::KILL);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The next call is about another module.
fn another_call(world: &World, round: u32) {
    match world.installed("ifb") {
        Some(_) if round % 2 == 1 => done(&mut world.uninstall(&["ifb"])),
        _ => done(&mut world.install(&[("ifb", 1 + round % 9)])),
    };
}

/// The state of both, which is one.
fn state(world: &World, what: &str) -> State {
    let [one, other] = PAIR.map(|name| world.version_or(name, what));
    assert_eq!(one, other, "{what}: of two transactions");
    one
}

/// Index, journal and folders.
fn is_right(world: &World, what: &str) {
    let mut here = Vec::new();
    for name in ["dummy", "ifb", "kt_base"] {
        world.is_chosen(name, what);
        here.extend(
            world
                .installed(name)
                .map(|_| (name.to_owned(), "intact".to_owned())),
        );
    }
    assert_eq!(world.journal(), here, "{what}");
    let output = run::run(&mut world.program("verify"), LIMIT).unwrap();
    assert!(output.status.success(), "{what}: {}", output.err());
    assert_eq!(world.left_over(), [""; 0], "{what}");
}
