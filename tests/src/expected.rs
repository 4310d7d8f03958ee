//! Calls whose outcome a test expects; anything else fails the test.
#![allow(clippy::panic, reason = "these are assertions: only tests call them")]

use std::process::Command;

use crate::Limits;
use crate::run::{self, Output};

/// Runs a command that must succeed.
///
/// # Panics
/// If it fails or cannot run.
#[track_caller]
pub fn success(command: &mut Command, limits: impl Into<Limits>) -> Output {
    let output = ended(command, limits);
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        output.out(),
        output.err()
    );
    output
}

/// The names of the modules that a build says to have from the cache, in the order of the alphabet.
pub fn cached(output: &Output) -> Vec<String> {
    let said = output.out() + &output.err();
    let names = said.lines().filter_map(|line| line.strip_prefix("cached "));
    let names = names.filter_map(|rest| rest.split(' ').next());
    let mut names: Vec<_> = names.map(str::to_owned).collect();
    names.sort();
    names
}

/// Runs a command that must fail with this exit code, and returns its messages.
///
/// # Panics
/// If it ends in another way or cannot run.
#[track_caller]
pub fn failure(command: &mut Command, code: i32, limits: impl Into<Limits>) -> String {
    let output = ended(command, limits);
    let text = output.err();
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn ended(command: &mut Command, limits: impl Into<Limits>) -> Output {
    run::run(command, limits).unwrap_or_else(|error| panic!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;
    use std::time::Duration;

    fn shell(line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        command
    }

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn only_the_expected_outcome_passes() {
        assert_eq!(success(&mut shell("echo yes"), LIMIT).out(), "yes\n");
        assert_eq!(failure(&mut shell("echo no >&2; exit 2"), 2, LIMIT), "no\n");
        let wrong = [
            catch_unwind(|| drop(success(&mut shell("exit 1"), LIMIT))),
            catch_unwind(|| drop(failure(&mut shell("exit 1"), 2, LIMIT))),
            catch_unwind(|| drop(failure(&mut shell("true"), 2, LIMIT))),
            catch_unwind(|| drop(failure(&mut shell("echo panicked >&2; exit 2"), 2, LIMIT))),
            catch_unwind(|| drop(success(&mut Command::new("/no/such/program"), LIMIT))),
        ];
        assert!(wrong.iter().all(Result::is_err));
    }
}
