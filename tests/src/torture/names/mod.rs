//! Names and values: whatever enters anywhere, nothing of it is run, nothing else changes, and the
//! result is what was asked for or a message that names the value.
//!
//! A [`Place`] is where a payload enters. Most attempts only resolve (`--dry-run`), because a build
//! takes a second of processor time.

mod adapters;
mod finished;
mod folders;
mod payload;
mod values;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use self::payload::{FILE, PROGRAM, Payload};
use super::files::{below, holds, make_folder, write, write_program};
use super::{Attempt, Ground, Kind, LIMIT, Prepared, Scene, Setup, call};
use crate::Result;
use crate::plain::{self, HELLO};
use crate::run::{self, Output};
use crate::snapshot::Snapshot;

/// The kind.
pub(super) const KIND: Kind = Kind {
    name: "names",
    about: "hostile names and values in every place where one enters",
    few: 50,
    many: 1000,
    scene,
};

/// Where a payload enters.
struct Place {
    name: &'static str,
    /// How often it is chosen, compared with the others.
    weight: u64,
    craft: fn(&World) -> Result<Trial>,
}

impl Place {
    fn new(name: &'static str, weight: u64, craft: fn(&World) -> Result<Trial>) -> Place {
        Place {
            name,
            weight,
            craft,
        }
    }
}

/// A flag and its path in one word.
fn word(lead: &str, path: &Path) -> OsString {
    let mut word = OsString::from(lead);
    word.push(path);
    word
}

/// A call with a payload.
struct Trial {
    command: Command,
    /// Whether the command is our program, and not one that calls it.
    ours: bool,
    /// Whether an error must name the value.
    names_value: bool,
    /// What has to hold if it succeeds.
    then: Check,
}

type Check = Box<dyn Fn(&Output) -> Result<()>>;

impl Trial {
    fn new(command: Command) -> Trial {
        Trial {
            command,
            ours: true,
            names_value: true,
            then: Box::new(|_| Ok(())),
        }
    }

    fn then(mut self, then: impl Fn(&Output) -> Result<()> + 'static) -> Trial {
        let first = self.then;
        self.then = Box::new(move |output| first(output).and_then(|()| then(output)));
        self
    }
}

/// One attempt's files:
///
/// ```text
/// out     the only folder, besides home, in which something may be written
/// cwd     where the program is called
/// home    its home, its cache and its temporary files
/// bin     the program that payloads would run
/// in      sources
/// mark    the trace of that program
/// ```
struct World<'a> {
    ground: &'a Ground,
    finished: &'a Finished,
    dir: PathBuf,
    payload: Payload,
    /// Whether the trial may take a second of processor time.
    slow: bool,
    /// Whether a path is given as a relative one.
    relative: bool,
    /// For trials with variants.
    choice: u64,
}

/// A built module, and a key for it.
struct Finished {
    module: PathBuf,
    key: PathBuf,
    certificate: PathBuf,
    _folder: TempDir,
}

impl World<'_> {
    fn at(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    /// The file or folder whose name is the payload.
    fn named(&self, folder: &str, end: &str) -> PathBuf {
        self.at(folder).join(self.payload.file(end))
    }

    /// Names a path to the program: in the working directory, or as an absolute path.
    fn show(&self, command: &mut Command, path: &Path) -> PathBuf {
        match (self.relative, path.parent(), path.file_name()) {
            (true, Some(parent), Some(name)) => {
                command.current_dir(parent);
                name.into()
            }
            _ => path.to_owned(),
        }
    }

    /// A module tree.
    fn tree(&self, folder: &Path) -> Result<()> {
        write(&folder.join("hello.c"), HELLO)?;
        write(&folder.join("Kbuild"), "obj-m := hello.o\n")
    }

    fn verb(&self, verb: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = self.ground.program(verb, &self.at("home"))?;
        self.surround(&mut command);
        Ok(command)
    }

    /// A build, which only resolves unless the attempt may be slow.
    fn build(&self, out: &Path) -> Result<Command> {
        let mut command = self.ground.build(out, &self.at("home"))?;
        self.surround(&mut command);
        if !self.slow {
            command.arg("--dry-run");
        }
        Ok(command)
    }

    /// The working directory, and the program that payloads would run.
    fn surround(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = std::iter::once(self.at("bin"));
        if let Ok(path) = std::env::join_paths(own.chain(std::env::split_paths(&path))) {
            command.env("PATH", path);
        }
        command.current_dir(self.at("cwd"));
    }

    /// A trial that builds `hello.ko` in `out`.
    fn hello(&self, command: Command, out: &Path) -> Trial {
        self.module(command, out, "hello", b"hello from %s".to_vec())
    }

    /// A trial that builds a module which contains `wanted`.
    fn module(&self, command: Command, out: &Path, name: &str, wanted: Vec<u8>) -> Trial {
        let (slow, path) = (self.slow, out.join(format!("{name}.ko")));
        let named = format!("name={}\0", name.replace('-', "_")).into_bytes();
        Trial::new(command).then(move |_| {
            if !slow {
                return Ok(());
            }
            let module = fs::read(&path)
                .map_err(|error| format!("it succeeded without {}: {error}", path.display()))?;
            for part in [&named, &wanted] {
                if !holds(&module, part) {
                    let part = String::from_utf8_lossy(part);
                    return Err(format!("{} does not contain {part:?}", path.display()));
                }
            }
            Ok(())
        })
    }
}

struct Names {
    ground: Ground,
    finished: Finished,
    places: Vec<Place>,
}

fn scene(setup: &Setup) -> Result<Prepared> {
    let ground = Ground::usual(setup)?;
    let folder = TempDir::with_prefix("torture-names-").map_err(|error| error.to_string())?;
    let finished = finished::make(&ground, folder)?;
    let mut places = folders::places();
    places.extend(values::places());
    places.extend(finished::places());
    places.extend(adapters::places());
    Ok(Prepared::Ready(Box::new(Names {
        ground,
        finished,
        places,
    })))
}

impl Names {
    fn pick(&self, attempt: &mut Attempt) -> &Place {
        let all: u64 = self.places.iter().map(|place| place.weight).sum();
        let mut number = attempt.random.below(all);
        for place in &self.places {
            if number < place.weight {
                return place;
            }
            number -= place.weight;
        }
        &self.places[0]
    }
}

impl Scene for Names {
    fn attempt(&mut self, attempt: &mut Attempt) -> Result<()> {
        let place = self.pick(attempt);
        let world = World {
            ground: &self.ground,
            finished: &self.finished,
            dir: fs::canonicalize(attempt.folder()).map_err(|error| error.to_string())?,
            payload: Payload::new(&mut attempt.random),
            slow: attempt.random.below(8) == 0,
            relative: attempt.random.below(2) == 0,
            choice: attempt.random.below(u64::from(u32::MAX)),
        };
        attempt.say(format!("{}: {:?}", place.name, world.payload.text()));
        for folder in ["out", "cwd", "home/tmp", "in"] {
            make_folder(&world.at(folder))?;
        }
        let mark = world.at("mark");
        let trap = format!("#!/bin/sh\n: > '{}'\n", mark.display());
        write_program(&world.at("bin").join(PROGRAM), &trap)?;
        let mut trial = match (place.craft)(&world) {
            Ok(trial) => trial,
            // The file system does not take the name.
            Err(_) if world.payload.bytes().len() > 200 => return Ok(()),
            Err(problem) => return Err(problem),
        };
        attempt.say(format!("{:?}", trial.command));
        tried(&world, &mut trial)
    }
}

/// Makes the call, and checks what has to hold.
fn tried(world: &World, trial: &mut Trial) -> Result<()> {
    let before = Snapshot::take(&world.dir)?;
    let output = match trial.ours {
        true => call(&mut trial.command)?,
        false => run::run(&mut trial.command, LIMIT)?,
    };
    nothing_ran(world)?;
    let text = format!("{}{}", output.out(), output.err());
    if text.contains("panicked at") {
        return Err(format!("it panicked:\n{text}"));
    }
    let may_change = ["\"out", "\"home", "the directory itself"];
    let mut changes = before.differences(&Snapshot::take(&world.dir)?);
    changes.retain(|line| !may_change.iter().any(|place| line.starts_with(place)));
    if !changes.is_empty() {
        return Err(format!("it changed\n{}\n{text}", changes.join("\n")));
    }
    if output.status.success() {
        return (trial.then)(&output).map_err(|problem| format!("{problem}\n{text}"));
    }
    // The length stands for a value that is too long.
    let length = format!(" {} characters", world.payload.bytes().len());
    let is_named = world.payload.is_named(&text) || text.contains(&length);
    match trial.names_value && !is_named {
        true => Err(format!("the message does not name the value:\n{text}")),
        false => Ok(()),
    }
}

/// No payload was run, by anything.
fn nothing_ran(world: &World) -> Result<()> {
    let kernel = &world.ground.kernel;
    // make works in the kernel tree.
    no_trace(&world.dir, &[&kernel.kdir, &kernel.common])
}

fn no_trace(dir: &Path, others: &[&Path]) -> Result<()> {
    if dir.join("mark").exists() {
        return Err("the payload was run".into());
    }
    let mut suspects = below(dir)?;
    suspects.retain(|path| path.file_name() == Some(OsStr::new(FILE)));
    let others = others.iter().map(|folder| folder.join(FILE));
    suspects.extend(others.filter(|path| path.exists()));
    match suspects.first() {
        Some(path) => Err(format!("the payload wrote {}", path.display())),
        None => Ok(()),
    }
}

/// Copies the scene's module to a place of the attempt.
fn copy_module(world: &World, to: &Path) -> Result<()> {
    make_folder(to.parent().unwrap_or(to))?;
    plain::copy(&world.finished.module, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_runs_leaves_a_trace() {
        let dir = tempfile::tempdir().unwrap();
        for trace in ["mark", "out/stage/TORTURED"] {
            no_trace(dir.path(), &[]).unwrap();
            write(&dir.path().join(trace), "").unwrap();
            no_trace(dir.path(), &[]).unwrap_err();
            fs::remove_file(dir.path().join(trace)).unwrap();
        }
        write(&dir.path().join(FILE), "").unwrap();
        let empty = tempfile::tempdir().unwrap();
        no_trace(empty.path(), &[dir.path()]).unwrap_err();
    }
}
