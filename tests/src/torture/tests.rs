//! The counts of a run, over attempts with known ends.

use std::cell::RefCell;
use std::process::Command;

use super::*;
use crate::Limits;

/// What the attempts of each number do, one after another.
const HANGS_ONCE: u64 = 1;
const HANGS_ALWAYS: u64 = 2;
const FAILS: u64 = 3;

const KIND: Kind = Kind {
    name: "known",
    about: "attempts with known ends",
    few: 5,
    many: 5,
    scene: |_| Ok(Prepared::Ready(Box::new(Known { made: Vec::new() }))),
};

struct Known {
    made: Vec<u64>,
}

impl Scene for Known {
    fn attempt(&mut self, attempt: &mut Attempt) -> Result<()> {
        let number = attempt.number();
        let is_second = self.made.contains(&number);
        self.made.push(number);
        match number {
            HANGS_ONCE if !is_second => hang(),
            HANGS_ALWAYS => hang(),
            FAILS if is_second => Ok(()),
            FAILS => Err("a promise is broken".into()),
            _ => Ok(()),
        }
    }
}

fn hang() -> Result<()> {
    let limits = Limits::wall(Duration::from_millis(50));
    run::run(Command::new("sleep").arg("1000"), limits).map(drop)
}

#[derive(Default)]
struct Heard {
    lost: RefCell<Vec<u64>>,
    not_tried: RefCell<Vec<u64>>,
    is_told_to_end: bool,
}

impl Listener for Heard {
    fn lost(&self, loss: &Loss) {
        self.lost.borrow_mut().push(loss.number);
    }

    fn not_tried(&self, _: &str, number: u64, why: &str) {
        assert!(why.contains("was killed after"), "{why}");
        self.not_tried.borrow_mut().push(number);
    }

    fn is_told_to_end(&self) -> bool {
        self.is_told_to_end
    }
}

fn known(extent: Extent, heard: &Heard) -> (Report, tempfile::TempDir) {
    let kept = tempfile::tempdir().unwrap();
    let setup = Setup {
        program: PathBuf::new(),
        seed: 1,
        kept: kept.path().to_owned(),
    };
    (run_kind(&KIND, &setup, extent, heard).unwrap(), kept)
}

#[test]
fn a_command_over_its_limit_is_tried_again_and_a_loss_if_it_happens_twice() {
    let heard = Heard::default();
    let (report, _kept) = known(Extent::Attempts(5), &heard);
    assert_eq!((report.tried, report.survived), (5, 3));
    assert_eq!(*heard.lost.borrow(), [HANGS_ALWAYS, FAILS]);
    assert_eq!(*heard.not_tried.borrow(), [HANGS_ONCE, HANGS_ALWAYS]);
    assert_eq!(report.not_tried, 2);
    assert!(!report.was_ended);
    let line = report.to_string();
    assert!(
        line.contains("lost   2") && line.contains("not tried at first 2"),
        "{line}"
    );
}

#[test]
fn an_attempt_that_a_signal_ends_does_not_count_and_leaves_no_file() {
    let heard = Heard {
        is_told_to_end: true,
        ..Heard::default()
    };
    for number in [HANGS_ALWAYS, FAILS] {
        let (report, kept) = known(Extent::Only(number), &heard);
        assert_eq!((report.tried, report.survived), (0, 0));
        assert!(report.was_ended && heard.lost.borrow().is_empty());
        assert!(
            report.to_string().ends_with("ended by a signal"),
            "{report}"
        );
        assert_eq!(std::fs::read_dir(kept.path()).unwrap().count(), 0);
    }
    // A finished attempt counts, and is the last one.
    let (report, _kept) = known(Extent::Attempts(5), &heard);
    assert_eq!((report.tried, report.survived), (1, 1));
}
