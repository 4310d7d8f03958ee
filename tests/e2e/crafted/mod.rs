//! Output directories that somebody made up: whatever lies in them, the program touches nothing
//! outside, and gives the right module or names what is wrong.

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
use crate::world::random::Random;
use crate::world::*;

/// None of these calls takes a second where nobody else works; a hang must fail.
const SOON: Duration = Duration::from_secs(60);

/// One way to spoil a finished output directory.
pub(crate) struct Kind {
    name: String,
    /// Words of which an error must hold one: how the culprit is called.
    culprits: Vec<String>,
    /// Tried at every run of the tests, and not only at one in ten.
    always: bool,
    /// Calls that are of use; all of them where none is named.
    calls: Vec<Call>,
    /// The call that is made in any case, however long it takes.
    must: Option<Call>,
    /// Paths in the output directory that are not ours, either.
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

/// What the user then does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `clean`
    Clean,
    /// `build`, with nothing to do
    Again,
    /// `clean TREE`
    CleanTree,
    /// `ide`
    Ide,
    /// `build`, after a change of the sources
    Changed,
    /// `build --target sub/other.o`
    Target,
    /// `build` with every flag that names a file
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

    /// Whether no make is to be expected.
    fn is_quick(self) -> bool {
        self.is_clean() || self == Call::Named
    }

    /// What the user has asked to be written outside of the output directory.
    fn may_write(self) -> &'static [&'static str] {
        match self {
            Call::Ide => &["w/cwd"],
            Call::Named => &["w/named"],
            _ => &[],
        }
    }
}

/// Spoils a fresh output directory, makes the call, and gives what is wrong with the outcome.
fn attempt(world: &mut World, kind: &Kind, call: Call) -> Vec<String> {
    world.restore();
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

/// What is wrong with an answer.
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

/// All ways to spoil it.
fn kinds(world: &World) -> Vec<Kind> {
    let mut all = places::kinds(world);
    all.extend(lines::kinds(world));
    all.extend(staged::kinds(world));
    all.extend(named::kinds(world));
    let wanted = std::env::var("KBUILD_TEST_KIND").unwrap_or_default();
    all.retain(|kind| kind.name.contains(&wanted));
    all
}

/// The calls that a kind is tried with: all in the full run. Else one that takes no time, another
/// from run to run, and every tenth kind has one that may take a second.
fn calls(kind: &Kind, number: usize, random: &mut Random, is_users: bool) -> Vec<Call> {
    let own = match kind.calls.is_empty() {
        true => &ALL[..],
        false => &kind.calls,
    };
    if scope::is_full() {
        return own.to_vec();
    }
    let (quick, slow): (Vec<_>, Vec<_>) = own.iter().partition(|call| call.is_quick());
    // Who calls makes no difference to most of it.
    let mut some: Vec<Call> = kind.must.into_iter().filter(|_| !is_users).collect();
    if !quick.is_empty() {
        some.push(*random.pick(&quick));
    }
    if !slow.is_empty() && number % 10 == 0 {
        some.push(*random.pick(&slow));
    }
    some
}

/// `tell` hears of each fault as it is found: the test itself may go wrong later.
fn nothing_outside_is_touched(mut world: World, tell: &dyn Fn(&str)) {
    let mut random = Random::new();
    let is_users = world.caller.is_some();
    let mut kinds = kinds(&world);
    // Where this run begins to count.
    let turn = random.below(10) as usize;
    if !scope::is_full() {
        let mut number = turn;
        kinds.retain(|kind| {
            number += 1;
            kind.always || number % 10 == 0
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

/// Were the output directory not taken for the finished one, nothing here would tell anything.
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
    // What is compared sees what it is for.
    let spoilt = Kind::new("a victim", "", |w| {
        fs::write(w.victims.join("file"), "").unwrap()
    });
    let before = world.looks_outside();
    (spoilt.craft)(&world);
    assert_eq!(before.changes(&world.looks_outside()).len(), 1);
}

#[test]
fn in_an_output_directory_that_somebody_made_up_nothing_outside_is_touched() {
    nothing_outside_is_touched(World::new(&kernel_at(1), None), &|line| println!("{line}"));
}

#[test]
fn a_user_who_builds_in_such_an_output_directory_touches_nothing_outside_either() {
    // Not as root, the test above is about a user.
    if is_root() {
        let world = World::new(&kernel_at(1), Some(NOBODY));
        nothing_outside_is_touched(world, &|line| println!("{line}"));
    }
}
