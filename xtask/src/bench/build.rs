//! A one-file module: built cold, and with nothing to do, beside plain make.

use super::measure::{Sample, measure, median};
use super::{Row, Setup, fresh, one_file_module, ratio, scratch, seconds};
use crate::Result;

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let scratch = scratch()?;
    let source = scratch.path().join("source");
    let out = scratch.path().join("out");
    let copy = scratch.path().join("copy");
    one_file_module(&source)?;

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut ours_again, mut theirs_again) = (Vec::new(), Vec::new());
    for run in 0..=setup.runs {
        fresh(&out)?;
        // Make builds in place: the copy is made outside its time.
        one_file_module(&copy)?;
        let cold = measure(&mut setup.ours(&source, &out))?;
        let cold_make = measure(&mut setup.make(&copy))?;
        let warm = measure(&mut setup.ours(&source, &out))?;
        let warm_make = measure(&mut setup.make(&copy))?;
        // The first round fills the page cache.
        if run > 0 {
            ours.push(cold);
            theirs.push(cold_make);
            ours_again.push(warm);
            theirs_again.push(warm_make);
        }
    }
    let wall = |samples: &[Sample]| median(samples.iter().map(|s| s.wall.as_secs_f64()));
    let cpu = |samples: &[Sample]| median(samples.iter().map(|s| s.cpu.as_secs_f64()));
    let cold = "cold build of a one-file module";
    let warm = "nothing to do";
    Ok(vec![
        ratio(&format!("{cold}, CPU"), cpu(&ours), cpu(&theirs), 1.05),
        ratio(&format!("{cold}, wall"), wall(&ours), wall(&theirs), 1.05),
        Row {
            what: format!("{warm}, wall"),
            ours: seconds(wall(&ours_again)),
            theirs: seconds(wall(&theirs_again)),
            value: wall(&ours_again) * 1e3,
            bound: 20.0,
            unit: "ms",
        },
        ratio(
            &format!("{warm}, wall"),
            wall(&ours_again),
            wall(&theirs_again),
            1.0 / 25.0,
        ),
        ratio(
            &format!("{warm}, CPU"),
            cpu(&ours_again),
            cpu(&theirs_again),
            1.0 / 25.0,
        ),
    ])
}
