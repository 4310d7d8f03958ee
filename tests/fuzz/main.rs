//! Gives the corpus of every fuzz target to it, without a fuzzer: real files, inputs that once found
//! a fault, mutations of both, and inputs that are repeated until they are long. Checks that a
//! target takes memory in proportion to its input.

mod memory;
mod mutations;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use kbuild::fuzzing::TARGETS;
use kbuild_tests::fuzz;
use kbuild_tests::random::Random;
use kbuild_tests::scope;

/// The most bytes of memory for a byte of input.
const FACTOR: usize = 50;

/// The memory that a target may take for any input: tables of decoders, the values that makefiles
/// may add to lines.
const FIXED: usize = 2 << 20;

/// What a compressed module may unpack to whatever its size, three times, because the result grows; and the
/// dictionary of `xz -9`.
const UNPACKED: usize = 3 * (16 << 20) + (65 << 20);

/// The dictionary of a kernel that is compressed with xz.
const DICTIONARY: usize = 131 << 20;

/// The longest input that is mutated.
const SHORT: usize = 16 << 10;

/// The length of repeated inputs.
const LONG: usize = 128 << 10;

/// Ends a hang. An input of this test takes milliseconds, also in a debug build.
const LIMIT: Duration = Duration::from_secs(60);

/// The replay of one target.
struct Replay {
    target: &'static str,
    run: fn(&[u8]),
    inputs: usize,
    /// The most memory that an input of some length took for each of its bytes.
    factor: f64,
    /// The inputs that found a fault, in words.
    faults: Vec<String>,
}

impl Replay {
    fn give(&mut self, what: &str, input: &[u8]) {
        let start = Instant::now();
        let mut peak = 0;
        let ended = catch_unwind(AssertUnwindSafe(|| {
            peak = memory::peak(|| (self.run)(input))
        }));
        let elapsed = start.elapsed();
        let fixed = match self.target {
            "compressed" | "initramfs" => UNPACKED,
            "btf" => DICTIONARY,
            _ => FIXED,
        };
        let fault = match () {
            () if ended.is_err() => "it panicked".to_owned(),
            () if elapsed > LIMIT => format!("it took {elapsed:?}"),
            () if peak > FACTOR * input.len() + fixed => format!("it took {peak} bytes of memory"),
            () => String::new(),
        };
        if !fault.is_empty() {
            let length = input.len();
            self.faults.push(format!(
                "{}: {what} of {length} bytes: {fault}",
                self.target
            ));
        }
        self.inputs += 1;
        if input.len() >= LONG / 8 {
            self.factor = self.factor.max(peak as f64 / input.len() as f64);
        }
    }

    /// Gives all inputs of the target, and what can be made of the short ones.
    fn all(&mut self, mut inputs: Vec<Vec<u8>>) {
        let (rounds, long) = match scope::is_full() {
            true => (20_000, usize::MAX),
            false => (200, 6),
        };
        for input in &inputs {
            self.give("a file of the lab", input);
        }
        let committed = fuzz::regressions(self.target);
        for (name, input) in &committed {
            self.give(name, input);
            self.give(
                &format!("{name}, repeated,"),
                &mutations::repeated(input, LONG),
            );
        }
        inputs.extend(committed.into_iter().map(|(_, input)| input));
        assert!(!inputs.is_empty(), "{} has no input", self.target);
        inputs.retain(|input| !input.is_empty() && input.len() <= SHORT);
        for input in inputs.iter().take(long) {
            for cut in mutations::cuts(input) {
                self.give("a file that was cut off,", cut);
            }
            self.give("a repeated file", &mutations::repeated(input, LONG));
        }
        let mut random = Random::new();
        for number in (0..rounds).filter(|_| !inputs.is_empty()) {
            let mutated = mutations::mutated(&inputs, &mut random);
            self.give(
                &format!("mutation {number} of seed {}", random.seed),
                &mutated,
            );
        }
    }
}

#[test]
fn real_files_and_damaged_ones_are_read_within_memory_that_their_size_bounds() {
    let mut corpus = fuzz::corpus().unwrap();
    let mut faults = Vec::new();
    for &(target, run) in TARGETS {
        let mut replay = Replay {
            target,
            run,
            inputs: 0,
            factor: 0.0,
            faults: Vec::new(),
        };
        let start = Instant::now();
        replay.all(corpus.remove(target).unwrap_or_default());
        println!(
            "{target:16} {:5} inputs, at most {:4.1} bytes of memory a byte, {:.1?}",
            replay.inputs,
            replay.factor,
            start.elapsed()
        );
        faults.append(&mut replay.faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(corpus.is_empty(), "no target for {:?}", corpus.keys());
}

#[test]
fn every_target_has_a_program_for_cargo_fuzz() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = std::fs::read_to_string(top.join("Cargo.toml")).unwrap();
    let mut programs: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(top.join("fuzz_targets")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&format!("run(\"{name}\", bytes)")), "{name}");
        assert!(
            manifest.contains(&format!("\nname = \"{name}\"\n")),
            "{name}"
        );
        programs.push(name);
    }
    programs.sort();
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(programs, names);
}
