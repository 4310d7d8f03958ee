//! Keeps the private copy of a big tree: 10,000 files, 100 MB, beside `cp -a`.
//!
//! The first staging is the cold build of the big tree minus that of the same tree without its
//! data, run one after the other. make does not read the data.

use std::path::Path;
use std::process::Command;

use super::measure::{measure, measure_memory, median};
use super::{Row, Setup, fresh, one_file_module, ratio, scratch, seconds, write};
use crate::Result;

const FILES: usize = 10_000;
const SIZE: usize = 10_000;

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let scratch = scratch()?;
    let small = scratch.path().join("small");
    let big = scratch.path().join("big");
    let out = scratch.path().join("out");
    let copy = scratch.path().join("copy");
    one_file_module(&small)?;
    one_file_module(&big)?;
    data(&big.join("data"))?;

    let mut first = Vec::new();
    let mut first_cpu = Vec::new();
    let mut copies = Vec::new();
    let mut copies_cpu = Vec::new();
    let mut again = Vec::new();
    for run in 0..=setup.runs {
        fresh(&out)?;
        let without = measure(&mut setup.ours(&small, &out))?;
        fresh(&copy)?;
        let cp = measure(Command::new("cp").arg("-a").arg(&big).arg(&copy))?;
        fresh(&out)?;
        let with = measure(&mut setup.ours(&big, &out))?;
        let nothing = measure(&mut setup.ours(&big, &out))?;
        if run > 0 {
            first.push(with.wall.as_secs_f64() - without.wall.as_secs_f64());
            first_cpu.push(with.cpu.as_secs_f64() - without.cpu.as_secs_f64());
            copies.push(cp.wall.as_secs_f64());
            copies_cpu.push(cp.cpu.as_secs_f64());
            again.push(nothing.wall.as_secs_f64());
        }
    }
    // These are separate runs, because watching the memory of a process takes some of its time.
    fresh(&out)?;
    let cold = measure_memory(&mut setup.ours(&big, &out))?.peak;
    let warm = measure_memory(&mut setup.ours(&big, &out))?.peak;
    let again = median(again);
    Ok(vec![
        ratio(
            "first staging of 10,000 files, wall",
            median(first),
            median(copies),
            1.5,
        ),
        ratio(
            "first staging of 10,000 files, CPU",
            median(first_cpu),
            median(copies_cpu),
            1.5,
        ),
        Row {
            what: "10,000 files, nothing changed, wall".into(),
            ours: seconds(again),
            theirs: String::new(),
            value: again * 1e3,
            bound: 60.0,
            unit: "ms",
        },
        Row {
            what: "10,000 files, peak memory of the program".into(),
            ours: format!("first {}, then {}", mebibytes(cold), mebibytes(warm)),
            theirs: String::new(),
            value: cold.max(warm) as f64 / f64::from(1 << 20),
            bound: 50.0,
            unit: "MiB",
        },
    ])
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Writes files in folders of 100. All files differ, and none of them has holes.
fn data(folder: &Path) -> Result<()> {
    for number in 0..FILES {
        let folder = folder.join(format!("{:02}", number / 100));
        if number % 100 == 0 {
            fresh(&folder)?;
        }
        let content = format!("{number:07} ").repeat(SIZE / 8);
        write(&folder.join(format!("{number}.bin")), content)?;
    }
    Ok(())
}
