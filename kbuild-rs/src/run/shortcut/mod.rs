//! The shortcut: records kbuild's first phase, and decides when a build starts its makes directly.
//!
//! A recording is a file in the effective user's cache folder. Its name is a hash of all values that
//! decide the first phase; the file itself lists the files that decide it too. All output
//! directories share it.
//!
//! # Decisions
//!
//! - The values are not stored: some may be secrets. A keyed hash over all of them together cannot
//!   be reversed for one of them.
//! - A failing build records nothing, because it is unknown what would have come next.
//! - The contents of our flag files do not count, because they differ from module to module. The top
//!   Makefile asks its questions before it adds `KCFLAGS`, which names them. The one question after
//!   that (`--ld-path`, up to 6.1) is about programs of the kernel, not about modules.
//! - A recorded make writes down its whole environment. So a build with `KBUILD_SIGN_PIN` is not
//!   recorded, and what makes write down goes away however the build ends.
//! - A build that shows make's commands runs the top Makefile, which shows its own.

mod place;
mod state;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Run;
use crate::Result;
use crate::jobs::Slot;
use crate::make::{
    Build, MODULES, Outcome, Recording, Replay, Trace, Way, Words, find_program, quoted,
};
use crate::syntax::escape_value;

use place::Place;

/// How a build does the first phase.
#[derive(Debug)]
pub(crate) enum FirstPhase {
    Whole,
    /// The build records it, in this file.
    Recorded(Place),
    /// A recording has it; make read these makefiles in it.
    Direct(Replay, Vec<PathBuf>),
}

impl FirstPhase {
    pub(crate) fn way(&self) -> Way<'_> {
        match self {
            FirstPhase::Whole => Way::Whole,
            FirstPhase::Recorded(_) => Way::Recorded,
            FirstPhase::Direct(replay, _) => Way::Direct(replay),
        }
    }

    /// Leaves out the makes after the one that compiles, if they are started directly.
    fn leave_modpost_out(&mut self) {
        if let FirstPhase::Direct(replay, _) = self {
            replay.makes.truncate(1);
            replay.check = None;
        }
    }
}

impl Run<'_> {
    /// Decides how this build does the first phase, and prepares the files for it.
    pub(crate) fn first_phase(&self, slot: &Slot) -> Result<FirstPhase> {
        let watch = &self.resolved.make.watch;
        let mut phase = self.decide_first_phase(slot);
        if self.resolved.questions().is_some() {
            phase.leave_modpost_out();
        }
        // A killed build may have left one.
        self.writer.remove_tree(&watch.recorder.folder)?;
        let mut log = Vec::new();
        match &phase {
            FirstPhase::Direct(_, makefiles) => log = Trace::of_makefiles(makefiles),
            FirstPhase::Recorded(_) => {
                let kernel = self.resolved.kernel();
                let lines = watch.recorder.lines([kernel.dir(), kernel.source_dir()]);
                let text = [&watch.text[..], &lines].concat();
                self.writer.remove_file(&watch.recorder.why)?;
                self.writer.create_private_dir(&watch.recorder.folder)?;
                self.writer.write_whole(&watch.makefile, &text)?;
            }
            FirstPhase::Whole => {}
        }
        self.writer.write_private(&watch.log, &log)?;
        Ok(phase)
    }

    fn decide_first_phase(&self, slot: &Slot) -> FirstPhase {
        let r = self.resolved;
        if !r.make.shortcut {
            return FirstPhase::Whole;
        }
        let v = self.variable("V");
        let say = |why: &str| r.sink.note(&format!("no shortcut: {why}"));
        let tell = |why: &str| {
            if v == Some(OsStr::new("2")) {
                say(why);
            }
        };
        // A make writes down how /proc shows it.
        if !Path::new("/proc/self/environ").exists() {
            tell("there is no /proc");
            return FirstPhase::Whole;
        }
        if r.make.command.targets != [MODULES] {
            tell("it exists only for the target `modules`");
            return FirstPhase::Whole;
        }
        let env = &r.make.command.env;
        if env.iter().any(|(name, _)| name == "KBUILD_SIGN_PIN") {
            tell("KBUILD_SIGN_PIN is set, and a recording would write it to a file");
            return FirstPhase::Whole;
        }
        let found = self.place(slot).and_then(|place| {
            let text = place.read().map_err(|e| e.to_string())?;
            Ok((place, text))
        });
        let (place, text) = match found {
            Ok(found) => found,
            // It stays so until the user does something about it.
            Err(why) => {
                if v.is_some_and(shows) {
                    say(&why);
                }
                return FirstPhase::Whole;
            }
        };
        let recalled = self.recall(text);
        let shows = v.is_some_and(shows);
        match recalled {
            Ok(_) if shows => tell("make shows its commands"),
            Ok((replay, makefiles)) => return FirstPhase::Direct(replay, makefiles),
            Err(why) => {
                tell(&why);
                if !shows {
                    return FirstPhase::Recorded(place);
                }
            }
        }
        FirstPhase::Whole
    }

    pub(in crate::run) fn variable(&self, name: &str) -> Option<&OsStr> {
        let mut all = self.resolved.make.command.variables.iter().rev();
        all.find(|(known, _)| known == name).map(|(_, v)| &**v)
    }

    /// The variables of make's command line that can decide the first phase. The last value of a
    /// name counts, as for make.
    fn variables(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        let all = &self.resolved.make.command.variables;
        let is_last = |at: usize, name: &str| !all[at + 1..].iter().any(|(later, _)| later == name);
        all.iter()
            .enumerate()
            .filter(move |(at, (name, value))| is_last(*at, name) && counts(name, value))
            .map(|(_, (name, value))| (&**name, &**value))
    }

    /// The makes that are recorded for this build, and the makefiles of the first phase.
    fn recall(&self, text: Option<Vec<u8>>) -> std::result::Result<(Replay, Vec<PathBuf>), String> {
        let nothing = || {
            let why = self.writer.read(&self.resolved.make.watch.recorder.why);
            let why = why
                .ok()
                .flatten()
                .map(|why| String::from_utf8_lossy(&why).into_owned());
            why.unwrap_or_else(|| "nothing is recorded for this kernel and these settings".into())
        };
        let text = text.ok_or_else(nothing)?;
        let recording = Recording::parse(&text).ok_or("the recording is damaged")?;
        let env = &self.resolved.make.command.env;
        if let Some(state) = recording.files.iter().find(|state| !state.holds(env)) {
            return Err(format!("{} changed", state.name()));
        }
        let words = self.words(true);
        let args = self.args()?;
        let replay = Replay::of(&recording, &self.build(&words, &args)?)?;
        Ok((replay, recording.makefiles))
    }

    /// Records the first phase of the build that has just ended.
    pub(crate) fn keep_recording(&self, phase: FirstPhase, outcome: &Outcome, start: Duration) {
        let FirstPhase::Recorded(place) = phase else {
            return;
        };
        let watch = &self.resolved.make.watch;
        let recorder = &watch.recorder;
        let kept = match outcome.success {
            true => self.recording(outcome, start),
            false => Err("the build failed".to_owned()),
        };
        let keep = |recording: Recording| {
            let text = recording.write();
            // No other path has this part.
            let path = self.resolved.stage.private.file_name().unwrap_or_default();
            if text
                .windows(path.len().max(1))
                .any(|at| at == path.as_bytes())
            {
                return Err("the first phase depends on a path of this build".to_owned());
            }
            place.keep(&text).map_err(|e| e.to_string())
        };
        let kept = kept.and_then(keep);
        // A make that is started by hand reads the file, too.
        let _ = self.writer.write_whole(&watch.makefile, &watch.text);
        // The next build records again.
        self.remove_dumps();
        if let Err(why) = kept {
            let _ = self.writer.write_private(&recorder.why, why.as_bytes());
        }
    }

    /// Removes what makes wrote down.
    pub(crate) fn remove_dumps(&self) {
        let _ = self
            .writer
            .remove_tree(&self.resolved.make.watch.recorder.folder);
    }

    /// The texts that differ from build to build. Without `given`, only the paths of the stage.
    pub(in crate::run) fn words(&self, given: bool) -> Words {
        let r = self.resolved;
        let mut words = Words::default();
        let paths = [
            ("M", r.module_dir()),
            ("D", r.stage.dir.as_path()),
            ("F", r.folder.as_path()),
            ("P", r.stage.private.as_path()),
        ];
        for (name, path) in paths {
            words.add(name, path.as_os_str());
        }
        if given {
            for (name, value) in r.make.command.env.iter().filter(|(n, _)| is_of_key(n)) {
                words.add_word(&format!("e:{}", name.to_string_lossy()), value);
            }
            for (name, value) in self.variables() {
                // On the command line, in MAKEFLAGS, and as make expands it for the environment.
                let escaped = escape_value(name, value).unwrap_or_default();
                words.add(&format!("q:{name}"), &quoted(&escaped));
                words.add(&format!("v:{name}"), &escaped);
                words.add_word(&format!("x:{name}"), value);
            }
        }
        words
    }

    fn args(&self) -> std::result::Result<Vec<OsString>, String> {
        self.resolved.make.command.args().map_err(|e| e.to_string())
    }

    fn build<'b>(
        &'b self,
        words: &'b Words,
        args: &'b [OsString],
    ) -> std::result::Result<Build<'b>, String> {
        let r = self.resolved;
        let env = &r.make.command.env;
        Ok(Build {
            program: self.program()?,
            args,
            env,
            words,
            kernel_dir: r.kernel().dir(),
            source_dir: r.kernel().source_dir(),
            module_dir: r.module_dir(),
            works_in_module: r.kernel().version() >= (6, 13),
        })
    }

    pub(in crate::run) fn program(&self) -> std::result::Result<PathBuf, String> {
        let make = find_program("make", &self.resolved.make.command.env);
        make.ok_or_else(|| "make is not in PATH".to_owned())
    }
}

/// Whether make shows its commands with this value of `V`.
fn shows(value: &OsStr) -> bool {
    !value.is_empty() && value != "0"
}

/// Whether the value of a variable of make's can decide the first phase. A build that shows its commands finds what
/// a silent one records, and says so.
fn counts(name: &str, value: &OsStr) -> bool {
    name != "V" || !shows(value)
}

/// Whether the value of a variable of the environment can decide the first phase. TERM only names the terminal's
/// abilities, and the PIN is written nowhere.
fn is_of_key(name: &OsStr) -> bool {
    name != "TERM" && name != "KBUILD_SIGN_PIN"
}
