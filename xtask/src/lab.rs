//! `cargo xtask lab`: the kernels that the tests run on.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use kbuild_tests::{corpus, lab};

use crate::Result;

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    match arguments.split_first() {
        None | Some((&"list", [])) => {
            list();
            Ok(())
        }
        Some((&"make", [])) => make(&kernels(false), print),
        Some((&"make", &["--full"])) => make(&kernels(true), print),
        Some((&"make", names)) => make(names, print),
        Some((&"remove", names @ [_, ..])) => {
            for name in names {
                lab::remove(name)?;
                println!("removed {name}");
            }
            Ok(())
        }
        _ => {
            Err("usage: cargo xtask lab [list | make [--full | KERNEL...] | remove NAME...]".into())
        }
    }
}

fn list() {
    println!("{}", lab::cache_dir().display());
    for entry in lab::list() {
        let name = entry.name;
        let state = match entry.release {
            Some(release) => release,
            None if !is_kernel(name) => String::new(),
            None => match lab::why_not(name) {
                Some(why) => format!("cannot be here: {why}"),
                None => format!("not here: `cargo xtask lab make {name}` gets it"),
            },
        };
        println!("  {name:14} {:>6} MB  {state}", entry.bytes / 1_000_000);
    }
}

/// The kernel that is only prepared for cross builds, by its name in [`lab::list`].
const ARM64: &str = "arm64";

fn is_kernel(name: &str) -> bool {
    name == ARM64 || lab::all().contains(&name)
}

/// The kernels of the default run, or of the full one.
fn kernels(full: bool) -> Vec<&'static str> {
    let all = lab::all().iter().copied();
    let mut names: Vec<&str> = all
        .filter(|name| full || !lab::FULL.contains(name))
        .collect();
    if lab::has_arm64() {
        names.push(ARM64);
    }
    names
}

fn print(line: String) {
    println!("{line}");
}

/// Gets the kernels, and prints the reason for a wait: the first time, it downloads or compiles for
/// minutes.
fn make(names: &[&str], say: impl Fn(String)) -> Result<()> {
    for &name in names {
        // Only a lab that has it names it, because it is no kernel.
        let why_not = match name {
            ARM64 => None,
            _ => lab::why_not(name),
        };
        if let Some(why) = why_not {
            say(format!("  kernel {name}: cannot be here: {why}"));
            continue;
        }
        say(format!(
            "  kernel {name}: looking in {}",
            lab::cache_dir().display()
        ));
        let start = Instant::now();
        let release = match name {
            ARM64 => lab::arm64()?.release + ", prepared",
            _ => lab::kernel(name)?.release,
        };
        let seconds = start.elapsed().as_secs_f32();
        say(format!("  kernel {name}: {release} ({seconds:.1} s)"));
    }
    Ok(())
}

/// Gets everything that the tests need while other steps run.
pub(crate) struct Making {
    lines: Receiver<String>,
    thread: JoinHandle<Result<()>>,
}

impl Making {
    /// Starts to get the kernels.
    pub(crate) fn start(full: bool) -> Making {
        let (sender, lines) = channel();
        let thread = thread::spawn(move || {
            // The receiver may be gone, and then nobody reads the lines.
            let say = |line| drop(sender.send(line));
            make(&kernels(full), say)?;
            // The corpus only names Debian's kernels.
            let mut sources = BTreeSet::new();
            for package in corpus::packages()? {
                let cells = package.cells.iter();
                for cell in cells.filter(|cell| lab::all().contains(&&*cell.kernel)) {
                    sources.insert(package.sources(cell)?);
                }
            }
            say(format!("  module sources: {} packages", sources.len()));
            if lab::has_arm64() {
                for program in ["make", "ninja"] {
                    lab::program(program)?;
                }
                lab::kernel_source("6.1")?;
            }
            let roots = lab::roots(full)?;
            match roots.is_empty() {
                true => say("  roots to install into: on Debian only".into()),
                false => say(format!("  roots to install into: {}", roots.join(", "))),
            }
            Ok(())
        });
        Making { lines, thread }
    }

    /// Waits for the end, and prints the results.
    pub(crate) fn finish(self) -> Result<()> {
        self.lines.iter().for_each(print);
        self.thread
            .join()
            .unwrap_or_else(|_| Err("the thread that makes the lab panicked".into()))
    }
}
