//! `cargo xtask lab`: the kernels that the tests run on.

use std::time::Instant;

use kbuild_tests::lab::{self, LabKernel};

use crate::Result;

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    match arguments.split_first() {
        None | Some((&"list", [])) => {
            list();
            Ok(())
        }
        Some((&"make", [])) => make(lab::names()).map(drop),
        Some((&"make", names)) => make(names).map(drop),
        Some((&"remove", names @ [_, ..])) => {
            for name in names {
                lab::remove(name)?;
                println!("removed {name}");
            }
            Ok(())
        }
        _ => Err("usage: cargo xtask lab [list | make [KERNEL]... | remove NAME...]".into()),
    }
}

fn list() {
    println!("{}", lab::cache_dir().display());
    for entry in lab::list() {
        let is_kernel = lab::names().contains(&entry.name);
        let state = match (&entry.release, is_kernel) {
            (Some(release), _) => release,
            (None, true) => "not here: `cargo xtask lab make` gets it",
            (None, false) => "",
        };
        println!(
            "  {:8} {:>6} MB  {state}",
            entry.name,
            entry.bytes / 1_000_000
        );
    }
}

/// Gets the kernels, and says what it waits for: the first time this is a download.
pub(crate) fn make(names: &[&str]) -> Result<Vec<LabKernel>> {
    let mut kernels = Vec::new();
    for name in names {
        println!("  kernel {name}: looking in {}", lab::cache_dir().display());
        let start = Instant::now();
        let kernel = lab::kernel(name)?;
        println!(
            "  kernel {name}: {} ({:.1} s)",
            kernel.release,
            start.elapsed().as_secs_f32()
        );
        kernels.push(kernel);
    }
    Ok(kernels)
}
