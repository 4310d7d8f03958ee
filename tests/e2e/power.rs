//! The effects of a power cut: files in OUT lost their bytes but kept their sizes and times. The
//! next build gives the right module, or an error that names a file and the remedy.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kbuild_tests::damage::{self, ANOTHER_BOOT, LOSSES, is_note, rewrite};
use kbuild_tests::run;
use kbuild_tests::scope;

use crate::scene::kernel_at;
use crate::support::*;
use crate::world::World;
use kbuild_tests::random::Random;

/// The files that a power cut may damage: all but the fifo of the pool, and the tag, which is on
/// the disk before a first build goes on.
fn targets(world: &World) -> Vec<PathBuf> {
    let mut files = world.files();
    files.retain(|rel| {
        let is_file = fs::symlink_metadata(world.out.join(rel)).is_ok_and(|meta| meta.is_file());
        is_file && !rel.ends_with("CACHEDIR.TAG")
    });
    files
}

/// A few of the files. A power cut most likely damages the newest files, which a build writes last.
/// make only compares its own outputs. Each of these groups is a third of the damaged files.
fn choose(world: &World, random: &mut Random) -> Vec<PathBuf> {
    let all = targets(world);
    let with = |ends: &[&str]| -> Vec<PathBuf> {
        let has_end = |rel: &&PathBuf| ends.iter().any(|end| rel.to_str().unwrap().ends_with(end));
        all.iter().filter(has_end).cloned().collect()
    };
    let last = with(&["record", "manifest", "inventory", "seen", ".ko", ".symvers"]);
    let made = with(&[".o", ".ko", ".mod.c", ".mod", ".cmd"]);
    let count = 1 + random.below(4);
    let mut chosen: Vec<PathBuf> = (0..count)
        .map(|_| {
            let among = *random.pick(&[&all, &last, &made]);
            random.pick(among).clone()
        })
        .collect();
    // Both copies of a module are equally new.
    if chosen.iter().any(|rel| rel.ends_with("hello.ko")) && random.below(2) == 1 {
        chosen.extend(with(&["hello.ko"]));
    }
    chosen.sort();
    chosen.dedup();
    chosen
}

/// Makes the notes describe the present files.
fn restamp(world: &World, boot: Option<&str>) {
    let notes = [world.key().join("inventory"), world.folder().join("record")];
    damage::restamp(&world.out, &notes, boot).unwrap();
}

/// Builds once and checks the result. Returns whether the build succeeded.
fn builds(world: &World, state: usize, chosen: &[PathBuf], what: &str) -> bool {
    let output = run::run(&mut world.build(&[]), LIMIT).unwrap();
    let said = output.err();
    assert!(!said.contains("panicked"), "{what}\n{said}");
    let there = modules(&world.out);
    if output.status.success() {
        assert_eq!(there.len(), 1, "{what}: {:?}\n{said}", there.keys());
        let right = there["hello.ko"] == world.reference[state];
        assert!(right, "{what}: hello.ko is another module\n{said}");
        return true;
    }
    let names = |rel: &PathBuf| said.contains(&*world.out.join(rel).to_string_lossy());
    assert!(chosen.iter().any(names), "{what}: no file named\n{said}");
    let mends = ["Remove", "remove", "Move it away", "build again"];
    let has_mend = mends.iter().any(|mend| said.contains(mend));
    assert!(has_mend, "{what}: no mend named\n{said}");
    false
}

#[test]
fn a_file_that_a_power_cut_damaged_is_built_again_or_named() {
    let mut world = World::new(&kernel_at(0), None);
    without_damage(&mut world);
    let mut random = Random::new();
    let rounds = if scope::is_full() { 200 } else { 8 };
    let mut failed = 0;
    for round in 0..rounds {
        world.restore();
        let chosen = choose(&world, &mut random);
        let restarted = round % 4 != 0;
        let edited = random.below(2) == 1;
        let boot = restarted.then_some(ANOTHER_BOOT);
        let mut what = format!("seed {}, round {round}, {restarted} {edited}", random.seed);
        let (notes, others): (Vec<_>, Vec<_>) = chosen.iter().partition(|rel| is_note(rel));
        if !restarted {
            restamp(&world, None);
            // More than a tick of the clock for file times.
            std::thread::sleep(Duration::from_millis(20));
        }
        for (rels, notes) in [(others, false), (notes, true)] {
            if notes && restarted {
                restamp(&world, boot);
            }
            for rel in rels {
                let loss = *random.pick(&LOSSES);
                what += &format!(", {loss:?} {}", rel.display());
                loss.strike(&world.out.join(rel), &mut random).unwrap();
            }
        }
        if edited {
            world.set_changed(true);
        }
        let mut state = usize::from(edited);
        if !builds(&world, state, &chosen, &what) {
            failed += 1;
            assert!(builds(&world, state, &chosen, &what), "{what}: twice");
        }
        // A file that the first build did not check is right when it is needed.
        if !edited && (scope::is_full() || round % 4 == 1) {
            world.set_changed(true);
            state = 1;
            assert!(builds(&world, state, &chosen, &what), "{what}: edited");
        }
        if state == 1 {
            world.set_changed(false);
        }
    }
    assert!(failed * 4 <= rounds, "{failed} of {rounds} builds failed");
}

/// make does not look at this file, and no record has its bytes.
#[test]
fn a_file_for_editors_that_lost_its_end_is_written_again() {
    let mut world = World::new(&kernel_at(0), None);
    let commands = world.out.join("compile_commands.json");
    let whole = fs::read(&commands).unwrap();
    assert!(whole.len() > 100, "there are no commands");
    let half = whole.len() / 2;
    let zeros = [&whole[..half], &vec![0; whole.len() - half]].concat();
    for cut in scope::one_of(0, &[&whole[..half], &zeros, &[]]) {
        world.restore();
        rewrite(&commands, cut).unwrap();
        restamp(&world, Some(ANOTHER_BOOT));
        let output = built(&mut world.build(&[]));
        assert!(fs::read(&commands).unwrap() == whole, "{}", output.err());
        assert!(modules(&world.out)["hello.ko"] == world.reference[0]);
    }
}

/// Checks the test itself: without damage there is nothing to do, and notes of another boot are
/// recognized.
fn without_damage(world: &mut World) {
    for boot in [None, Some(ANOTHER_BOOT)] {
        world.restore();
        restamp(world, boot);
        let output = built(&mut world.build(&[]));
        assert!(!started_make(&output), "{boot:?}: {}", output.err());
    }
    // Only the content tells.
    world.restore();
    let module = world.out.join("hello.ko");
    let bytes = fs::read(&module).unwrap();
    zero_tail(&module);
    restamp(world, None);
    let output = built(&mut world.build(&[]));
    assert!(!started_make(&output), "{}", output.err());
    for name in ["hello.ko", "hello.mod.o"] {
        zero_tail(&world.key().join("stage").join(name));
    }
    restamp(world, Some(ANOTHER_BOOT));
    let output = built(&mut world.build(&[]));
    assert!(fs::read(&module).unwrap() == bytes, "{}", output.err());
}

/// Half of the file is lost.
fn zero_tail(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0);
    rewrite(path, &bytes).unwrap();
}
