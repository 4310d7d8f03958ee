//! The makes of a build that starts them directly.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::known::{Build, is_only_given};
use super::name_check::OwnCheck;
use super::recording::{RecordedMake, Recording, Value};
use super::words::Words;
use crate::make::lines::Stream;

/// A build that starts the makes of a recording.
#[derive(Debug)]
pub(crate) struct Replay {
    /// The lines that the first phase would print.
    pub(crate) said: Vec<(Stream, String)>,
    pub(crate) makes: Vec<StartedMake>,
    /// The check for two modules of one name, which follows the first make.
    pub(crate) check: Option<OwnCheck>,
}

/// A make, as it is started now.
#[derive(Debug)]
pub(crate) struct StartedMake {
    pub(crate) cwd: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// Its environment; the jobserver is missing.
    env: Vec<(OsString, Text)>,
    /// The lines that follow if it fails, without the exit code.
    pub(crate) failing: Vec<OsString>,
}

#[derive(Debug)]
enum Text {
    Whole(OsString),
    /// A template of `MAKEFLAGS`, for the jobserver.
    Flags(Vec<u8>),
}

impl Replay {
    /// # Errors
    /// The reason why this build cannot use the recording.
    pub(crate) fn of(recording: &Recording, build: &Build<'_>) -> Result<Replay, String> {
        let damaged = || "the recording is damaged".to_owned();
        let show = |template: &[u8]| build.words.show(template).ok_or_else(damaged);
        let mut makes = Vec::new();
        for (number, make) in recording.makes.iter().enumerate() {
            let cwd = PathBuf::from(show(&make.cwd)?);
            let args = make.args.iter().map(|arg| show(arg));
            let args = args.collect::<Result<Vec<_>, String>>()?;
            if !build.is_known(number, &cwd, &args) {
                return Err(damaged());
            }
            let env = environment(make, build).ok_or_else(damaged)?;
            let failing = make.failing.iter().map(|line| show(line));
            let failing = failing.collect::<Result<Vec<_>, String>>()?;
            makes.push(StartedMake {
                cwd,
                args,
                env,
                failing,
            });
        }
        if !(2..=3).contains(&makes.len()) {
            return Err(damaged());
        }
        let check = recording.checks_names.as_ref().map(|check| {
            let failing = check.failing.iter().map(|line| show(line));
            Ok::<_, String>(OwnCheck {
                form: check.form,
                order: build.module_dir.join("modules.order"),
                failing: failing.collect::<Result<Vec<_>, String>>()?,
            })
        });
        let check = check.transpose()?;
        let said = recording.said.iter().map(|(stream, line)| {
            let line = show(line)?;
            Ok((*stream, line.to_string_lossy().into_owned()))
        });
        Ok(Replay {
            said: said.collect::<Result<Vec<_>, String>>()?,
            makes,
            check,
        })
    }
}

impl StartedMake {
    /// Its environment, with the words about jobs.
    pub(crate) fn env(&self, jobs: Option<&OsStr>) -> Vec<(&OsStr, OsString)> {
        let words = Words::of_jobs(jobs.unwrap_or_default().as_bytes().trim_ascii());
        let value = |text: &Text| match text {
            Text::Whole(text) => text.clone(),
            Text::Flags(template) => words.show(template).unwrap_or_default(),
        };
        let pairs = self.env.iter();
        pairs.map(|(name, text)| (&**name, value(text))).collect()
    }
}

fn environment(make: &RecordedMake, build: &Build<'_>) -> Option<Vec<(OsString, Text)>> {
    let mut env = Vec::new();
    for (name, value) in &make.env {
        let text = match value {
            Value::Given => {
                let given = build.env.iter().find(|(known, _)| known == name);
                Text::Whole(given?.1.clone())
            }
            Value::Text(_) if is_only_given(name) => return None,
            Value::Text(template) if name == "MAKEFLAGS" || name == "MFLAGS" => {
                let template = build.words.show_but_jobs(template)?;
                if !are_known(&template, build.source_dir) {
                    return None;
                }
                Text::Flags(template)
            }
            Value::Text(template) => Text::Whole(build.words.show(template)?),
        };
        env.push((name.clone(), text));
    }
    Some(env)
}

/// Whether these flags for make are those that kbuild gives.
fn are_known(flags: &[u8], source: &Path) -> bool {
    let words = flags
        .split(|&b| b == b' ')
        .take_while(|word| *word != b"--");
    words.filter(|word| !word.is_empty()).all(|word| {
        let letters = word.strip_prefix(b"-").unwrap_or(word);
        let is_folder = || {
            let folder = word.strip_prefix(b"-I");
            let folder = folder.or_else(|| word.strip_prefix(b"--include-dir="));
            folder.is_some_and(|folder| folder == source.as_os_str().as_bytes())
        };
        letters.iter().all(|letter| b"Rr".contains(letter))
            || word == b"--no-print-directory"
            || word == Words::JOBS
            || is_folder()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_kbuild_does_not_give_are_refused() {
        let known = |flags: &str| are_known(flags.as_bytes(), Path::new("/k"));
        for good in [
            "rR \0J\0 --no-print-directory -- M=/s CC=gcc",
            "rR -I/k \0J\0 --no-print-directory -- X=--eval",
            "-rR --include-dir=/k \0J\0",
            "",
        ] {
            assert!(known(good), "{good:?}");
        }
        for bad in [
            "rR --eval=$(shell x)",
            "n",
            "-f/x",
            "rR -I/evil -- M=/s",
            "E",
        ] {
            assert!(!known(bad), "{bad:?}");
        }
    }
}
