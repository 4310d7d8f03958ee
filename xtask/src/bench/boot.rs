//! `kbuild-rs test` of a one-file module, and the bare boot of the same kernel in QEMU: wall time.

use std::process::Command;
use std::time::{Duration, Instant};

use kbuild_tests::lab;

use super::measure::{measure, median};
use super::{Row, Setup, one_file_module, ratio, scratch};
use crate::{Result, exec};

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    // This kernel boots in a second, so that the rest of a test weighs most.
    let setup = Setup {
        program: setup.program.clone(),
        kernel: lab::kernel("7.3")?,
        runs: setup.runs,
    };
    let scratch = scratch()?;
    let [source, out] = ["source", "out"].map(|name| scratch.path().join(name));
    one_file_module(&source)?;
    exec::checked(&mut setup.ours(&source, &out), Duration::from_secs(300))?;
    let mut test = Command::new(&setup.program);
    test.arg("test").arg(out.join("hello.ko"));
    test.arg("--kernel").arg(&setup.kernel.kdir);
    let (mut bare, mut tested) = (Vec::new(), Vec::new());
    for run in 0..=setup.runs {
        let start = Instant::now();
        setup.kernel.guest()?.run().map_err(|e| e.to_string())?;
        let boot = start.elapsed().as_secs_f64();
        let wall = measure(&mut test)?.wall.as_secs_f64();
        if run > 0 {
            bare.push(boot);
            tested.push(wall);
        }
    }
    Ok(vec![ratio(
        "a test of one module and a bare boot of 7.3 in QEMU, wall",
        median(tested),
        median(bare),
        1.2,
    )])
}
