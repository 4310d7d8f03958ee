//! `cargo xtask torture`: random input, kills and shortage, a line for each kind.

use std::time::Duration;

use kbuild_tests::lab::packages;
use kbuild_tests::torture::{self, Extent, Listener, Loss, Setup};

use crate::{Result, exec, keeper};

/// What the command line asks for.
struct Asked<'a> {
    kinds: Vec<&'a str>,
    minutes: u64,
    seed: Option<u64>,
    attempt: Option<u64>,
}

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let asked = parse(arguments)?;
    // A scene removes its folders and mounts.
    keeper::let_clean_up();
    let kinds = torture::named(&asked.kinds)?;
    packages::ensure()?;
    let target = exec::target_dir();
    let setup = Setup {
        program: program(&target)?,
        seed: asked.seed.unwrap_or_else(|| u64::from(std::process::id())),
        kept: torture::kept_in(&target),
    };
    let share = Duration::from_secs(asked.minutes * 60) / kinds.len().max(1) as u32;
    let extent = asked.attempt.map_or(Extent::Time(share), Extent::Only);
    println!("seed {}", setup.seed);
    let mut lost = 0;
    let mut undone = Vec::new();
    for kind in kinds {
        let report = torture::run_kind(kind, &setup, extent, &Terminal);
        if let Ok(report) = &report {
            println!("{report}");
        }
        if keeper::is_ending() {
            return Err("it was ended by a signal; the lines above are what it did so far".into());
        }
        match report {
            Ok(report) => {
                lost += report.losses.len();
                undone.extend(report.not_run.map(|_| kind.name));
            }
            Err(problem) => {
                println!("{:12} not run: {problem}", kind.name);
                undone.push(kind.name);
            }
        }
    }
    match (lost, undone.as_slice()) {
        (0, []) => Ok(()),
        (0, undone) => Err(format!("not run: {}", undone.join(" "))),
        (lost, _) => Err(format!(
            "{lost} attempt(s) lost; the commands that repeat them are above"
        )),
    }
}

/// Prints what happens.
struct Terminal;

impl Listener for Terminal {
    fn lost(&self, loss: &Loss) {
        println!("{loss}");
    }

    fn not_tried(&self, kind: &str, number: u64, why: &str) {
        println!("not tried: {kind} attempt {number}, which is made again");
        for line in why.lines() {
            println!("  | {line}");
        }
    }

    fn is_told_to_end(&self) -> bool {
        keeper::is_ending()
    }
}

fn parse<'a>(arguments: &[&'a str]) -> Result<Asked<'a>> {
    let mut asked = Asked {
        kinds: Vec::new(),
        minutes: 10,
        seed: None,
        attempt: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if !argument.starts_with("--") {
            asked.kinds.push(argument);
            continue;
        }
        let number = rest.next().and_then(|number| number.parse().ok());
        let number = number.ok_or_else(|| format!("{argument} takes a number"));
        match *argument {
            "--minutes" => asked.minutes = number?,
            "--seed" => asked.seed = Some(number?),
            "--attempt" => asked.attempt = Some(number?),
            other => return Err(format!("unknown flag `{other}`")),
        }
    }
    if asked.attempt.is_some() && (asked.kinds.len() != 1 || asked.seed.is_none()) {
        return Err("--attempt needs one kind and --seed".into());
    }
    Ok(asked)
}

/// The program with overflow checks and debug assertions.
fn program(target: &std::path::Path) -> Result<std::path::PathBuf> {
    let mut cargo = exec::cargo();
    cargo
        .args(["build", "--locked", "--package", "kbuild-cli"])
        .arg("--target-dir")
        .arg(target);
    exec::checked(&mut cargo, Duration::from_secs(900))?;
    Ok(target.join("debug/kbuild-rs"))
}
