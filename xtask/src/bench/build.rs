//! Builds a one-file module, in C and in Rust, cold and with nothing to do, beside plain make.

use std::path::Path;

use kbuild_tests::lab;

use super::measure::{Sample, measure, median};
use super::{Row, Setup, fresh, one_file_module, ratio, scratch, seconds, write};
use crate::Result;

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let times = Times::take(setup, one_file_module)?;
    let mut rows = times.rows("one-file module", 1.05);
    // make needs some time to find that there is nothing to do, the same for a module in Rust.
    let [ours, theirs] = [&times.ours_again, &times.theirs_again];
    let what = "nothing to do for a one-file module";
    let bound = 1.0 / 50.0;
    rows.push(ratio(
        &format!("{what}, wall"),
        wall(ours),
        wall(theirs),
        bound,
    ));
    rows.push(ratio(
        &format!("{what}, CPU"),
        cpu(ours),
        cpu(theirs),
        bound,
    ));
    Ok(rows)
}

/// The same for a module in Rust, on a kernel with Rust.
pub(super) fn rust_rows(setup: &Setup) -> Result<Vec<Row>> {
    let setup = Setup {
        program: setup.program.clone(),
        kernel: lab::kernel("7.3")?,
        runs: setup.runs,
    };
    Ok(Times::take(&setup, rust_module)?.rows("module in Rust", 1.10))
}

/// The times of each run, of both sides.
#[derive(Default)]
struct Times {
    ours: Vec<Sample>,
    theirs: Vec<Sample>,
    ours_again: Vec<Sample>,
    theirs_again: Vec<Sample>,
}

impl Times {
    fn take(setup: &Setup, module: fn(&Path) -> Result<()>) -> Result<Times> {
        let scratch = scratch()?;
        let source = scratch.path().join("source");
        let out = scratch.path().join("out");
        let copy = scratch.path().join("copy");
        module(&source)?;

        let mut times = Times::default();
        for run in 0..=setup.runs {
            fresh(&out)?;
            // make builds in place, so the copy is made before its time starts.
            module(&copy)?;
            let cold = measure(&mut setup.ours(&source, &out))?;
            let cold_make = measure(&mut setup.make(&copy))?;
            let warm = measure(&mut setup.ours(&source, &out))?;
            let warm_make = measure(&mut setup.make(&copy))?;
            // The first round fills the page cache.
            if run > 0 {
                times.ours.push(cold);
                times.theirs.push(cold_make);
                times.ours_again.push(warm);
                times.theirs_again.push(warm_make);
            }
        }
        Ok(times)
    }

    fn rows(&self, module: &str, bound: f64) -> Vec<Row> {
        let [ours, theirs] = [&self.ours, &self.theirs];
        let cold = format!("cold build of a {module}");
        vec![
            ratio(&format!("{cold}, CPU"), cpu(ours), cpu(theirs), bound),
            ratio(&format!("{cold}, wall"), wall(ours), wall(theirs), bound),
            Row {
                what: format!("nothing to do for a {module}, wall"),
                ours: seconds(wall(&self.ours_again)),
                theirs: seconds(wall(&self.theirs_again)),
                value: wall(&self.ours_again) * 1e3,
                bound: 20.0,
                unit: "ms",
            },
        ]
    }
}

fn wall(samples: &[Sample]) -> f64 {
    median(samples.iter().map(|sample| sample.wall.as_secs_f64()))
}

fn cpu(samples: &[Sample]) -> f64 {
    median(samples.iter().map(|sample| sample.cpu.as_secs_f64()))
}

fn rust_module(folder: &Path) -> Result<()> {
    let text = "//! The smallest.\n\
        use kernel::prelude::*;\n\n\
        module! {\n    type: Hello,\n    name: \"hello\",\n    authors: [\"nobody\"],\n    \
        description: \"The smallest\",\n    license: \"GPL\",\n}\n\n\
        struct Hello;\n\n\
        impl kernel::Module for Hello {\n    \
        fn init(_module: &'static ThisModule) -> Result<Self> {\n        \
        pr_info!(\"hello\\n\");\n        Ok(Hello)\n    }\n}\n";
    fresh(folder)?;
    write(&folder.join("hello.rs"), text)?;
    write(&folder.join("Kbuild"), "obj-m := hello.o\n")
}
