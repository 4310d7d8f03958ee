//! The cost of a sandbox: the CPU of a cold build of one file, with it and without it.

use super::measure::{measure, median};
use super::{Row, Setup, fresh, one_file_module, ratio, scratch};
use crate::Result;

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let scratch = scratch()?;
    let source = scratch.path().join("source");
    let out = scratch.path().join("out");
    one_file_module(&source)?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for run in 0..=setup.runs {
        fresh(&out)?;
        let open = measure(&mut setup.ours(&source, &out))?;
        fresh(&out)?;
        let closed = measure(setup.ours(&source, &out).arg("--sandbox"))?;
        if run > 0 {
            without.push(open.cpu.as_secs_f64());
            with.push(closed.cpu.as_secs_f64());
        }
    }
    Ok(vec![ratio(
        "one file, cold, in a sandbox and without one, CPU",
        median(with),
        median(without),
        1.05,
    )])
}
