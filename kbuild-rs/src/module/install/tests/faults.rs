//! A kill and a full disk at each step.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::step::fault::{self, Fault};
use super::{RELEASE, World, said};
use crate::Result;

type Change = dyn Fn(&World) -> Result<()>;

/// Some states, and the change that is interrupted in each.
fn changes() -> Vec<(&'static str, Box<Change>, Box<Change>)> {
    fn boxed(change: impl Fn(&World) -> Result<()> + 'static) -> Box<Change> {
        Box::new(change)
    }
    let install = |world: &World| {
        world.build("hello", "1");
        world.build("ring", "1");
        world.install_with(&|install| {
            install.replace(true).load(true);
        })?;
        Ok(())
    };
    let upgrade = |world: &World| {
        world.build("hello", "2");
        world.build("ring", "2");
        world.build("new", "2");
        world.install().map(drop)
    };
    vec![
        ("install", boxed(|_| Ok(())), boxed(install)),
        ("upgrade", boxed(install), boxed(upgrade)),
        (
            "uninstall",
            boxed(install),
            boxed(|world| world.uninstall_all().map(drop)),
        ),
        (
            "uninstall one",
            boxed(install),
            boxed(|world| world.uninstall("ring").map(drop)),
        ),
        (
            "rollback",
            boxed(move |world| install(world).and_then(|()| upgrade(world))),
            boxed(|world| world.rollback().map(drop)),
        ),
    ]
}

fn world(before: &Change) -> Option<World> {
    let world = World::new()?;
    world.foreign("updates/hello.ko.xz", b"somebody's");
    world.depmod();
    before(&world).unwrap();
    Some(world)
}

/// The end of a call with a fault; `None` if there are fewer steps.
fn run(world: &World, change: &Change, fault: Fault, step: usize) -> Option<bool> {
    fault::set(fault, step);
    let done = catch_unwind(AssertUnwindSafe(|| change(world)));
    if fault::clear() {
        done.unwrap().unwrap();
        return None;
    }
    Some(done.is_ok_and(|done| done.is_ok()))
}

#[test]
fn a_change_that_is_killed_at_any_step_happens_whole_or_not_at_all() {
    for (name, before, change) in changes() {
        let Some(model) = world(&before) else {
            return;
        };
        let old = relative(&model);
        change(&model).unwrap();
        let new = relative(&model);
        assert_ne!(old, new, "{name}");
        for step in 0.. {
            let world = world(&before).unwrap();
            if run(&world, &change, Fault::Kill, step).is_none() {
                assert!(step > 8, "{name} has only {step} steps");
                break;
            }
            // The next call is killed, too.
            fault::set(Fault::Kill, step % 7);
            let _ = catch_unwind(AssertUnwindSafe(|| world.uninstall("none")));
            fault::clear();
            // A call that has nothing to do itself.
            let nothing = world.uninstall("none");
            assert!(nothing.is_err(), "{name} {step}");
            let now = relative(&world);
            let is_strange = |file: &&(String, String)| !old.contains(file) && !new.contains(file);
            let strange: Vec<_> = now.iter().filter(is_strange).collect();
            assert!(now == old || now == new, "{name}, step {step}: {strange:?}");
            world.check();
            if now == old {
                change(&world).unwrap_or_else(|e| panic!("{name}, step {step}: {e}"));
                assert_eq!(relative(&world), new, "{name} {step}");
            }
        }
    }
}

#[test]
fn a_full_disk_at_any_step_leaves_everything_as_it_was() {
    for (name, before, change) in changes() {
        for step in 0.. {
            let Some(world) = world(&before) else {
                return;
            };
            let old = world.snapshot();
            match run(&world, &change, Fault::DiskFull, step) {
                None => break,
                // After the last step of the change only its traces are removed.
                Some(_) if world.snapshot() != old => {
                    world.uninstall("none").unwrap_err();
                }
                Some(is_done) => assert!(!is_done, "{name}, step {step}"),
            }
            world.check();
        }
    }
}

#[test]
fn a_signal_undoes_the_change_and_the_error_says_so() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    world.install().unwrap();
    world.build("hello", "2");
    let before = world.snapshot();
    for step in [0, 3, 6] {
        fault::set(Fault::Stop, step);
        let error = said(world.install());
        assert!(!fault::clear(), "step {step} was not reached");
        let words = format!("stopped by signal 15. The modules for {RELEASE} are as they were");
        assert!(error.starts_with(&words), "{step}: {error}");
        assert_eq!(world.snapshot(), before, "{step}");
    }
}

/// The files of the root by their paths in it, without the journal.
fn relative(world: &World) -> Vec<(String, String)> {
    let root = world.root();
    let files = world.system().into_iter();
    let name = |path: std::path::PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
    files.map(|(path, what)| (name(path), what)).collect()
}
