//! Reads the output of `cargo test`: the suites, their results, and the tests that did not run.

use std::collections::BTreeMap;
use std::time::Duration;

/// The content of the output of `cargo test … -- --show-output`.
#[derive(Default)]
pub(crate) struct Outcome {
    suites: Vec<Suite>,
    not_run: BTreeMap<String, String>,
    /// The test whose captured output the reader is in.
    showing: String,
    /// Whether that output belongs to a test that passed.
    in_successes: bool,
}

struct Suite {
    name: String,
    /// Its closing line; `None` if it crashed or was killed.
    result: Option<String>,
    passed: u32,
    /// The processor time that all of Cargo's children had used at its start and at its end.
    processor: [Duration; 2],
}

impl Outcome {
    /// Reads one line, and returns whether to show it. The output of passing tests is hidden; only
    /// [`Outcome::not_run`] uses it. `used` returns the processor time of Cargo's children so far.
    pub(crate) fn line(&mut self, line: &str, used: impl FnOnce() -> Duration) -> bool {
        match line {
            "successes:" => self.in_successes = true,
            "failures:" => self.in_successes = false,
            _ if line.starts_with("test result: ") => self.in_successes = false,
            _ => {}
        }
        let hidden = self.in_successes;
        self.read(line, used);
        !hidden
    }

    /// Notes that Cargo has ended, and the processor time of its children.
    pub(crate) fn ended(&mut self, used: Duration) {
        if let Some(suite) = self.suites.last_mut() {
            suite.processor[1] = used;
        }
    }

    fn read(&mut self, line: &str, used: impl FnOnce() -> Duration) {
        if let Some(name) = suite_name(line) {
            let used = used();
            self.ended(used);
            self.suites.push(Suite {
                name,
                result: None,
                passed: 0,
                processor: [used; 2],
            });
        } else if let Some(result) = line.strip_prefix("test result: ") {
            if let Some(suite) = self.suites.last_mut() {
                let count = |text: &str| text.split_whitespace().last()?.parse().ok();
                let passed = result
                    .split_once(" passed")
                    .and_then(|(text, _)| count(text));
                suite.passed += passed.unwrap_or(0);
                suite.result = Some(result.to_owned());
            }
            self.showing.clear();
        } else if let Some((name, why)) = ignored(line) {
            self.add_not_run(&name, why);
        } else if let Some(name) = shown(line) {
            self.showing = name.to_owned();
        } else if let Some(why) = line.strip_prefix("not run: ") {
            let name = self.showing.clone();
            self.add_not_run(&name, why);
        }
    }

    fn add_not_run(&mut self, test: &str, why: &str) {
        let suite = self.suites.last().map_or("?", |suite| &suite.name);
        self.not_run
            .insert(format!("{suite} {test}"), why.trim().to_owned());
    }

    /// Each suite with its closing line.
    pub(crate) fn closing_lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.suites.iter().map(|suite| {
            let result = suite.result.as_deref();
            (&*suite.name, result.unwrap_or("ended without a result"))
        })
    }

    /// The seconds and the processor seconds of each suite that took a second or more, the longest
    /// first.
    pub(crate) fn times(&self) -> Vec<(&str, f32, f32)> {
        let seconds = |suite: &Suite| -> Option<f32> {
            let (_, time) = suite.result.as_deref()?.rsplit_once("finished in ")?;
            time.trim().strip_suffix('s')?.parse().ok()
        };
        let processor = |suite: &Suite| {
            let [begun, ended] = suite.processor;
            ended.saturating_sub(begun).as_secs_f32()
        };
        let mut times: Vec<_> = self
            .suites
            .iter()
            .filter_map(|suite| Some((&*suite.name, seconds(suite)?, processor(suite))))
            .filter(|(_, seconds, _)| *seconds >= 1.0)
            .collect();
        times.sort_by(|(_, one, _), (_, other, _)| other.total_cmp(one));
        times
    }

    /// The tests that did not run, with their reasons.
    pub(crate) fn not_run(&self) -> &BTreeMap<String, String> {
        &self.not_run
    }

    /// The problems of the whole run: a suite without a result, or one of `expected` in which no
    /// test passed.
    pub(crate) fn problems(&self, expected: &[&str]) -> Vec<String> {
        let mut problems: Vec<String> = self
            .suites
            .iter()
            .filter_map(|suite| match &suite.result {
                None => Some(format!("{} ended without a result", suite.name)),
                Some(result) if !result.starts_with("ok.") => {
                    Some(format!("{} failed", suite.name))
                }
                Some(_) => None,
            })
            .collect();
        for name in expected {
            if !self.suites.iter().any(|s| s.name == *name && s.passed > 0) {
                problems.push(format!("no test of {name} ran"));
            }
        }
        problems
    }
}

/// The suite in a line of Cargo: the program's name without its hash.
fn suite_name(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("doc-tests {name}"));
    }
    let (_, path) = line
        .strip_prefix("Running ")?
        .strip_suffix(')')?
        .rsplit_once('(')?;
    let file = path.rsplit('/').next()?;
    Some(
        file.rsplit_once('-')
            .map_or(file, |(name, _)| name)
            .to_owned(),
    )
}

/// The parts of `test some::name ... ignored, the reason`.
fn ignored(line: &str) -> Option<(String, &str)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    let why = rest.strip_prefix(", ").unwrap_or("ignored");
    Some((name.to_owned(), why))
}

/// The name in `---- some::name stdout ----`.
fn shown(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

/// Reads the list of tests that need not run: `suite test: why`, one a line; `#` begins a comment.
pub(crate) fn allowed(text: &str) -> Result<BTreeMap<String, String>, String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| match line.split_once(": ") {
            Some((test, why)) => Ok((test.to_owned(), why.trim().to_owned())),
            None => Err(format!("`{line}` is not `suite test: why`")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
   Compiling kbuild-tests v0.1.0
     Running unittests src/lib.rs (target/debug/deps/kbuild-0a1b2c)
test a ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
     Running e2e/main.rs (target/debug/deps/e2e-77)
test loads::five_ten ... ignored, no QEMU
test trees::another_user ... ok
successes:
---- trees::another_user stdout ----
not run: takes root
---- trees::other stdout ----
booted
test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 2s
   Doc-tests kbuild
test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0s
     Running lab/main.rs (target/debug/deps/lab-88)
test something ... ok
";

    fn outcome() -> Outcome {
        let mut outcome = Outcome::default();
        for line in OUTPUT.lines() {
            outcome.line(line, || Duration::ZERO);
        }
        outcome
    }

    #[test]
    fn suites_are_named_and_their_closing_lines_kept() {
        let outcome = outcome();
        let names: Vec<&str> = outcome.closing_lines().map(|(name, _)| name).collect();
        assert_eq!(names, ["kbuild", "e2e", "doc-tests kbuild", "lab"]);
        let (_, line) = outcome.closing_lines().next().unwrap();
        assert!(line.starts_with("ok. 3 passed"), "{line}");
    }

    #[test]
    fn suites_that_took_seconds_are_listed_with_the_longest_first() {
        let mut outcome = outcome();
        assert_eq!(outcome.times(), [("e2e", 2.0, 0.0)]);
        let mut line = |line, used| outcome.line(line, || Duration::from_secs(used));
        line("     Running jobs/main.rs (target/debug/deps/jobs-99)", 7);
        line("test result: ok. 8 passed; 0 failed; finished in 61.25s", 8);
        line("     Running last/main.rs (target/debug/deps/last-99)", 107);
        line("test result: ok. 1 passed; 0 failed; finished in 3s", 108);
        outcome.ended(Duration::from_secs(109));
        assert_eq!(
            outcome.times(),
            [
                ("jobs", 61.25, 100.0),
                ("last", 3.0, 2.0),
                ("e2e", 2.0, 0.0)
            ]
        );
    }

    #[test]
    fn failed_crashed_and_empty_suites_are_problems() {
        assert_eq!(
            outcome().problems(&["kbuild", "doc-tests kbuild", "absent"]),
            [
                "e2e failed",
                "lab ended without a result",
                "no test of doc-tests kbuild ran",
                "no test of absent ran"
            ]
        );
    }

    #[test]
    fn ignored_tests_and_tests_that_say_so_did_not_run() {
        let outcome = outcome();
        let not_run: Vec<(&str, &str)> = outcome
            .not_run()
            .iter()
            .map(|(name, why)| (&**name, &**why))
            .collect();
        assert_eq!(
            not_run,
            [
                ("e2e loads::five_ten", "no QEMU"),
                ("e2e trees::another_user", "takes root")
            ]
        );
    }

    #[test]
    fn the_output_of_passing_tests_is_not_shown() {
        let mut outcome = Outcome::default();
        let shown: Vec<&str> = OUTPUT
            .lines()
            .filter(|line| outcome.line(line, || Duration::ZERO))
            .collect();
        assert!(!shown.contains(&"booted"), "{shown:?}");
        assert!(shown.contains(&"test trees::another_user ... ok"));
        assert!(
            shown
                .iter()
                .any(|line| line.starts_with("test result: FAILED"))
        );
    }

    #[test]
    fn the_list_of_allowed_ones_needs_reasons() {
        let list = allowed("# why\n\ne2e a::b: takes: root\n").unwrap();
        assert_eq!(list["e2e a::b"], "takes: root");
        assert!(allowed("e2e a::b\n").unwrap_err().contains("e2e a::b"));
    }
}
