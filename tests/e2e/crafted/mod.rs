//! Crafted output directories. The program touches nothing outside of them with any contents, and
//! gives the right module or names the fault.

mod lines;
mod named;
mod places;
mod staged;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kbuild_tests::run::{self, Output};
use kbuild_tests::scope;

use crate::scene::kernel_at;
use crate::world::looks::{self, Looks};
use crate::world::*;
use kbuild_tests::random::Random;

/// No call takes a second on an idle machine. A hang must fail.
const SOON: Duration = Duration::from_secs(60);

/// One way to spoil a finished output directory.
pub(crate) struct Kind {
    name: String,
    /// Words for the culprit. An error must contain one of them.
    culprits: Vec<String>,
    /// Whether every run of the tests tries it, and not only one in ten.
    always: bool,
    /// The useful calls; empty means all of them.
    calls: Vec<Call>,
    /// A call that is always made, even if it is slow.
    must: Option<Call>,
    /// Paths in the output directory that do not belong to us either.
    guarded: Vec<PathBuf>,
    craft: Box<dyn Fn(&World)>,
}

impl Kind {
    fn new(name: impl Into<String>, culprit: &str, craft: impl Fn(&World) + 'static) -> Kind {
        Kind {
            name: name.into(),
            culprits: vec![culprit.to_owned()],
            always: false,
            calls: Vec::new(),
            must: None,
            guarded: Vec::new(),
            craft: Box::new(craft),
        }
    }

    fn always(mut self) -> Kind {
        self.always = true;
        self
    }

    fn or_named(mut self, culprit: &str) -> Kind {
        self.culprits.push(culprit.to_owned());
        self
    }

    fn calls(mut self, calls: &[Call]) -> Kind {
        self.calls = calls.to_vec();
        self
    }

    fn must(mut self, call: Call) -> Kind {
        self.must = Some(call);
        self.always()
    }

    fn guards(mut self, path: impl Into<PathBuf>) -> Kind {
        self.guarded.push(path.into());
        self
    }
}

/// The user's call after the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `clean`.
    Clean,
    /// `build`, with nothing to do.
    Again,
    /// `clean TREE`.
    CleanTree,
    /// `ide`.
    Ide,
    /// `build`, after a change of the sources.
    Changed,
    /// `build --target sub/other.o`.
    Target,
    /// `build` with all flags that name a file.
    Named,
}

const ALL: [Call; 5] = [
    Call::Clean,
    Call::CleanTree,
    Call::Again,
    Call::Ide,
    Call::Changed,
];

impl Call {
    fn command(self, world: &World) -> Command {
        let clean = || {
            let mut command = world.call("clean");
            command.arg("--out-dir").arg(&world.out);
            command
        };
        match self {
            Call::Clean => clean(),
            Call::CleanTree => {
                let mut command = clean();
                command.arg(world.root.join("source"));
                command
            }
            Call::Again | Call::Changed => world.build(&[]),
            Call::Target => world.build(&["--target", "sub/other.o"]),
            Call::Ide => world.build_with("ide", &world.out, &[]),
            Call::Named => named::command(world),
        }
    }

    fn is_clean(self) -> bool {
        matches!(self, Call::Clean | Call::CleanTree)
    }

    /// Whether make is not expected to run.
    fn is_quick(self) -> bool {
        self.is_clean() || self == Call::Named
    }

    /// The paths outside of the output directory that the call may write to.
    fn may_write(self) -> &'static [&'static str] {
        match self {
            Call::Ide => &["w/cwd"],
            Call::Named => &["w/named"],
            _ => &[],
        }
    }
}

/// Spoils a fresh output directory, makes the call, and returns the faults of the outcome.
fn attempt(world: &mut World, kind: &Kind, call: Call) -> Vec<String> {
    world.restore();
    world.make_first_phases();
    (kind.craft)(world);
    if call == Call::Changed {
        world.set_changed(true);
    }
    let guarded = || -> Vec<Looks> {
        let look = |path: &PathBuf| Looks::of(&world.out.join(path), &[]);
        kind.guarded.iter().map(look).collect()
    };
    let public = || {
        let mut names: Vec<_> = fs::read_dir(&world.out)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = (world.looks_outside(), guarded(), public());
    let answer = run::run(&mut call.command(world), SOON);
    let mut wrong = Vec::new();
    let allowed = |line: &String| {
        let may = |name: &&str| line.starts_with(&*world.scratch().join(name).to_string_lossy());
        call.may_write().iter().any(may)
    };
    let mut changes = before.0.changes(&world.looks_outside());
    changes.retain(|line| !allowed(line));
    for (then, now) in before.1.iter().zip(guarded()) {
        changes.extend(then.changes(&now));
    }
    wrong.extend(looks::shortened(&changes));
    match &answer {
        Err(error) => wrong.push(format!("HANGS {error}")),
        Ok(output) => {
            wrong.extend(judged(world, kind, call, output));
            if call.is_clean() && !output.status.success() && public() != before.2 {
                wrong.push(format!("REFUSED after it removed: {:?}", public()));
            }
        }
    }
    if call == Call::Changed {
        world.set_changed(false);
    }
    wrong
}

/// The faults of an answer.
fn judged(world: &World, kind: &Kind, call: Call, output: &Output) -> Vec<String> {
    let said = output.err();
    let mut wrong = Vec::new();
    if said.contains("panicked") {
        wrong.push(format!("PANICS {said}"));
    }
    match output.status.code() {
        Some(0) if call.is_clean() => {}
        Some(0) => {
            let module = world.out.join("hello.ko");
            let wanted = &world.reference[usize::from(call == Call::Changed)];
            let own = fs::symlink_metadata(&module).is_ok_and(|meta| meta.is_file());
            if !own {
                wrong.push("SUCCEEDS without a module of its own".to_owned());
            } else if fs::read(&module).unwrap() != *wanted {
                wrong.push("SUCCEEDS with a wrong module".to_owned());
            }
        }
        Some(1 | 2) => {
            if !kind.culprits.iter().any(|name| said.contains(name)) {
                let last: Vec<_> = said.lines().rev().take(3).collect();
                wrong.push(format!("NAMES no {:?}: {last:?}", kind.culprits));
            }
        }
        _ => wrong.push(format!("ENDS with {}: {said}", output.status)),
    }
    wrong
}

/// All ways to spoil an output directory.
fn kinds(world: &World) -> Vec<Kind> {
    let mut all = places::kinds(world);
    all.extend(lines::kinds(world));
    all.extend(staged::kinds(world));
    all.extend(named::kinds(world));
    let wanted = std::env::var("KBUILD_TEST_KIND").unwrap_or_default();
    all.retain(|kind| kind.name.contains(&wanted));
    all
}

/// The calls for a kind: all in the full run. The default run takes a quick one, a different one
/// each time, and for every tenth kind one that may take a second.
fn calls(kind: &Kind, number: usize, random: &mut Random, is_users: bool) -> Vec<Call> {
    let own = match kind.calls.is_empty() {
        true => &ALL[..],
        false => &kind.calls,
    };
    if scope::is_full() {
        return own.to_vec();
    }
    let (quick, slow): (Vec<_>, Vec<_>) = own.iter().partition(|call| call.is_quick());
    // The caller makes no difference to most of it.
    let mut some: Vec<Call> = kind.must.into_iter().filter(|_| !is_users).collect();
    if !quick.is_empty() {
        some.push(*random.pick(&quick));
    }
    if !slow.is_empty() && number % 10 == 0 {
        some.push(*random.pick(&slow));
    }
    some
}

/// `tell` gets each fault as it is found, because the test itself may fail later.
fn nothing_outside_is_touched(mut world: World, tell: &dyn Fn(&str)) {
    let mut random = Random::new();
    let is_users = world.caller.is_some();
    let mut kinds = kinds(&world);
    // The number at which this run begins to count.
    let turn = random.below(10) as usize;
    if !scope::is_full() {
        let mut number = turn;
        kinds.retain(|kind| {
            number += 1;
            // Another caller makes no difference to most of it, and torture tries more.
            (kind.always && !is_users) || number % 10 == 0
        });
    }
    let mut table = String::new();
    let mut tried = 0;
    for (number, kind) in kinds.iter().enumerate() {
        for call in calls(kind, number + turn, &mut random, is_users) {
            tried += 1;
            for wrong in attempt(&mut world, kind, call) {
                let line = format!("{} | {call:?} | {wrong}\n", kind.name);
                tell(&line);
                table.push_str(&line);
            }
        }
    }
    let seed = random.seed;
    assert!(
        table.is_empty(),
        "of {} kinds in {tried} calls, seed {seed}:\n{table}",
        kinds.len()
    );
}

/// This shows that the program accepts the restored output directory. Otherwise the other tests
/// would prove nothing.
#[test]
fn an_output_directory_that_was_put_back_is_up_to_date_and_can_be_cleaned() {
    let mut world = World::new(&kernel_at(1), None);
    let untouched = Kind::new("nothing is wrong", "", |_| {});
    for call in [Call::Clean, Call::CleanTree, Call::Again, Call::Ide] {
        assert_eq!(attempt(&mut world, &untouched, call), Vec::<String>::new());
        let module = world.out.join("hello.ko");
        assert_eq!(module.exists(), !call.is_clean(), "{call:?}");
    }
    world.restore();
    let again = run::checked(&mut world.build(&[]), SOON).unwrap();
    assert!(again.err().contains("up to date"), "{}", again.err());
    let changed = attempt(&mut world, &untouched, Call::Changed);
    assert_eq!(changed, Vec::<String>::new());
    // This shows that the comparison notices a change.
    let spoilt = Kind::new("a victim", "", |w| {
        fs::write(w.victims.join("file"), "").unwrap()
    });
    let before = world.looks_outside();
    (spoilt.craft)(&world);
    assert_eq!(before.changes(&world.looks_outside()).len(), 1);
}

#[test]
fn a_crafted_output_directory_leads_to_no_change_outside() {
    nothing_outside_is_touched(World::new(&kernel_at(1), None), &|line| println!("{line}"));
}

#[test]
fn a_user_who_builds_in_a_crafted_output_directory_changes_nothing_outside_either() {
    // Not as root, because the test above is about a user.
    if is_root() {
        let world = World::new(&kernel_at(1), Some(NOBODY));
        nothing_outside_is_touched(world, &|line| println!("{line}"));
    }
}
