//! The recording of a build that has just ended: the makes, and the files that decided the first phase.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::make::{FileState, Outcome, Recording, Trace, recorded};
use crate::run::Run;
use crate::sys;

/// The variables of kbuild's that name programs.
const PROGRAMS: &[&str] = &[
    "AR",
    "AWK",
    "BASH",
    "BINDGEN",
    "CC",
    "CONFIG_SHELL",
    "HOSTCC",
    "LD",
    "NM",
    "OBJCOPY",
    "OBJDUMP",
    "PAHOLE",
    "PERL",
    "PYTHON3",
    "READELF",
    "RUSTC",
    "STRIP",
];

impl Run<'_> {
    pub(super) fn recording(
        &self,
        outcome: &Outcome,
        start: Duration,
    ) -> std::result::Result<Recording, String> {
        let r = self.resolved;
        let words = self.words(true);
        let args = self.args()?;
        let build = self.build(&words, &args)?;
        let (makes, checks_names) = recorded(&r.make.watch.recorder, &build)?;
        let said = outcome.first.as_ref();
        let said = said.ok_or("the kernel's top Makefile started no known make")?;
        let log = self.writer.read(&r.make.watch.log).ok().flatten();
        let makefiles = self.kernel_makefiles(&Trace::read(&log.unwrap_or_default()));
        let env = |name: &str| {
            let make = makes.first()?;
            let (_, value) = make.env.iter().find(|(known, _)| known == name)?;
            value.shown(&words, &r.make.command.env, name)
        };
        let programs = PROGRAMS.iter().filter_map(|name| {
            let text = env(name)?.into_string().ok()?;
            program(&text).map(str::to_owned)
        });
        let mut programs: Vec<String> = programs.collect();
        programs.push("make".to_owned());
        programs.sort();
        programs.dedup();
        let files = self.deciding_files(&makefiles, &programs, start)?;
        Ok(Recording {
            files,
            makefiles,
            said: said
                .iter()
                .map(|(stream, line)| (*stream, words.hide(OsStr::new(line))))
                .collect(),
            checks_names,
            makes,
        })
    }

    fn kernel_makefiles(&self, trace: &Trace) -> Vec<PathBuf> {
        let kernel = self.resolved.kernel();
        let of_kernel = |path: &&PathBuf| {
            let is_below = path.starts_with(kernel.dir()) || path.starts_with(kernel.source_dir());
            is_below && !path.starts_with(&self.resolved.stage.private) && path.is_file()
        };
        trace.makefiles.iter().filter(of_kernel).cloned().collect()
    }

    fn deciding_files(
        &self,
        makefiles: &[PathBuf],
        programs: &[String],
        start: Duration,
    ) -> std::result::Result<Vec<FileState>, String> {
        let r = self.resolved;
        let env = &r.make.command.env;
        let mut paths: Vec<PathBuf> = r.inputs.whole.iter().chain(makefiles).cloned().collect();
        let mut states = Vec::new();
        for name in programs {
            let state = FileState::of_program(name, env);
            if let FileState::Program(_, Some(place)) = &state {
                paths.push(place.clone());
            }
            states.push(state);
        }
        sys::sort_paths(&mut paths);
        for path in paths {
            let state = FileState::of_file(&path, start);
            states.push(state.ok_or_else(|| format!("{} changed", path.display()))?);
        }
        let kernel = r.kernel();
        let mut folders = vec![kernel.dir(), kernel.source_dir()];
        folders.dedup();
        for folder in folders {
            let scripts = folder.join("scripts");
            let changed = |folder: &Path| format!("{} changed", folder.display());
            let names = FileState::of_names(folder, start);
            states.push(names.ok_or_else(|| changed(folder))?);
            if scripts.is_dir() {
                let files = FileState::of_files(&scripts, start);
                states.push(files.ok_or_else(|| changed(&scripts))?);
            }
        }
        Ok(states)
    }
}

/// The program of a shell command, which may start with variables: `TOKEN=x pahole`.
fn program(command: &str) -> Option<&str> {
    let is_variable = |word: &&str| {
        word.split_once('=')
            .is_some_and(|(name, _)| !name.contains('/'))
    };
    let mut words = command.split_ascii_whitespace();
    words.find(|word| !is_variable(word))
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn the_variables_before_a_program_are_not_its_name() {
        for (command, name) in [
            ("pahole", Some("pahole")),
            (" TOKEN=s3cret  A= pahole -j", Some("pahole")),
            ("/opt/a=b/ld -x", Some("/opt/a=b/ld")),
            ("TOKEN=s3cret", None),
            ("", None),
        ] {
            assert_eq!(program(command), name, "{command:?}");
        }
    }
}
