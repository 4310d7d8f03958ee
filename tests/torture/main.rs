//! The short form of torture: a few attempts of each kind, and more in the full run. `cargo xtask
//! torture` goes on for as long as it is told to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml allows them in tests, and takes their helpers for something else"
)]

use std::path::Path;

use kbuild_tests::torture::{self, Extent, Kind, Listener, Loss, Setup};
use kbuild_tests::{program, scope};

/// Prints what is heard.
struct Printer;

impl Listener for Printer {
    fn lost(&self, loss: &Loss) {
        println!("{loss}");
    }

    fn not_tried(&self, kind: &str, number: u64, why: &str) {
        println!("not tried: {kind} attempt {number}, which is made again: {why}");
    }

    fn is_told_to_end(&self) -> bool {
        false
    }
}

/// A few attempts of a kind, always the same ones; more of them in the full run.
fn survives(name: &str) {
    let kind: &Kind = torture::named(&[name]).unwrap()[0];
    let program = program::path().unwrap();
    let setup = Setup {
        program: program.to_owned(),
        seed: 1,
        kept: torture::kept_in(program.ancestors().nth(2).unwrap_or(Path::new("."))),
    };
    let attempts = if scope::is_full() {
        kind.many
    } else {
        kind.few
    };
    let extent = Extent::Attempts(attempts);
    let report = torture::run_kind(kind, &setup, extent, &Printer).unwrap();
    println!("{report}");
    if let Some(reason) = report.not_run {
        println!("not run: {reason}");
        return;
    }
    assert!(report.losses.is_empty(), "{} lost", report.losses.len());
    assert_eq!(report.survived, attempts);
}

#[test]
fn there_is_a_test_for_each_kind() {
    let own = include_str!("main.rs");
    for kind in torture::KINDS {
        assert!(
            own.contains(&format!("survives(\"{}\")", kind.name)),
            "{}",
            kind.name
        );
    }
}

#[test]
fn names_and_values_are_never_run() {
    survives("names");
}

#[test]
fn a_hostile_output_directory_changes_nothing_outside() {
    survives("hostile-out");
}

#[test]
fn swapped_inputs_never_mix() {
    survives("swaps");
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    survives("same-bytes");
}

#[test]
fn calls_that_are_killed_at_any_time() {
    survives("kills");
}

#[test]
fn calls_that_lack_something() {
    survives("scarce");
}

#[test]
fn many_calls_at_once() {
    survives("crowds");
}

#[test]
fn files_without_their_last_bytes_and_a_guest_without_power() {
    survives("power");
}
