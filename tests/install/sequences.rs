//! Random installs, upgrades, rollbacks and removals among files of others. After the last removal the
//! root has the same bytes as before.

use std::collections::BTreeMap;
use std::fs;

use kbuild_tests::random::Random;
use kbuild_tests::scope;

use crate::modules;
use crate::picture::Picture;
use crate::world::{World, done};

/// Five packages of a module each. Three have names of the kernel's modules, one that of a module
/// of dkms's.
const PACKAGES: [&str; 5] = ["dummy", "nlmon", "ifb", "kt_dkms", "kt_base"];

const STEPS: u32 = 50;

type State = BTreeMap<&'static str, u32>;

/// The installed modules, and those that a rollback restores.
#[derive(Default)]
struct Model {
    now: State,
    before: Option<State>,
}

impl Model {
    fn become_(&mut self, next: State) {
        if next != self.now {
            let old = std::mem::replace(&mut self.now, next);
            // With the last module, the journal goes.
            self.before = Some(old).filter(|old| !old.is_empty() && !self.now.is_empty());
        }
    }
}

#[test]
fn after_any_sequence_an_uninstall_leaves_the_root_as_it_was() {
    let rounds = if scope::is_full() { 5 } else { 1 };
    let mut random = Random::new();
    for _ in 0..rounds {
        let Some(world) = World::here() else {
            return;
        };
        sequence(&world, &mut random);
    }
}

fn sequence(world: &World, random: &mut Random) {
    files_of_others(world);
    let pristine = Picture::take(&world.root);
    let mut model = Model::default();
    for step in 0..STEPS {
        let what = step_of(world, &mut model, random);
        let what = format!("seed {}, step {step}: {what}", random.seed);
        for name in PACKAGES {
            let Some(version) = model.now.get(name) else {
                continue;
            };
            assert_eq!(
                world.version_or(name, &what),
                Some(*version),
                "{what}: {name}"
            );
            world.is_chosen(name, &what);
        }
        assert_eq!(world.left_over(), [""; 0], "{what}");
    }
    let names: Vec<&str> = model.now.keys().copied().collect();
    if !names.is_empty() {
        done(&mut world.uninstall(&names));
    }
    let now = Picture::take(&world.root);
    assert_eq!(pristine.differences(&now), [""; 0], "seed {}", random.seed);
}

/// A module of dkms's, one by hand in the place of ours, and one elsewhere.
fn files_of_others(world: &World) {
    for (folder, name) in [
        ("updates/dkms", "kt_dkms"),
        ("updates", "nlmon"),
        ("extra", "ifb"),
    ] {
        let folder = world.modules().join(folder);
        fs::create_dir_all(&folder).unwrap();
        modules::write(&folder, &world.kernel, name, 9);
    }
    world.depmod();
}

/// Does one step, and describes it.
fn step_of(world: &World, model: &mut Model, random: &mut Random) -> String {
    let some = |random: &mut Random, from: &[&'static str]| -> Vec<&'static str> {
        let mut names: Vec<_> = from
            .iter()
            .copied()
            .filter(|_| random.below(2) == 0)
            .collect();
        if names.is_empty() {
            names.push(*random.pick::<&str>(from));
        }
        names
    };
    let here: Vec<&'static str> = model.now.keys().copied().collect();
    match random.below(10) {
        0 | 1 if !here.is_empty() => {
            let names = some(random, &here);
            done(&mut world.uninstall(&names));
            let mut next = model.now.clone();
            next.retain(|name, _| !names.contains(name));
            model.become_(next);
            format!("uninstall {names:?}")
        }
        2 | 3 if model.before.is_some() => {
            done(&mut world.program("rollback"));
            model.now = model.before.take().unwrap();
            format!("rollback to {:?}", model.now)
        }
        4 => {
            world.depmod();
            "depmod by hand".into()
        }
        _ => {
            let names = some(random, &PACKAGES);
            let set: Vec<_> = names
                .into_iter()
                .map(|name| (name, 1 + random.below(3) as u32))
                .collect();
            done(world.install(&set).arg("--replace"));
            let mut next = model.now.clone();
            next.extend(set.iter().copied());
            model.become_(next);
            format!("install {set:?}")
        }
    }
}
