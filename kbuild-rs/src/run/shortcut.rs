//! Decides whether kbuild's first phase is remembered, and remembers it.
//!
//! A memory is a file in the effective user's cache folder. Its name is a hash of all values that
//! decide the first phase; the file itself lists the files that decide it too. All output
//! directories share it.
//!
//! # Decisions
//!
//! - The values are not stored: some may be secrets. A keyed hash over all of them together cannot
//!   be reversed for one of them.
//! - A failing build remembers nothing, because it is unknown what would have come next.
//! - A build that shows make's commands runs the top Makefile, which shows its own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hmac_sha256::HMAC;

use super::Run;
use crate::Result;
use crate::make::{
    Build, FileState, MODULES, Memory, Outcome, Replay, Trace, Way, Words, find_program, quoted,
    recorded,
};
use crate::syntax::escape_value;
use crate::sys::{self, Writer};

/// The folder of the memories in our folder in the user's cache.
const FOLDER: &str = "first-phase";

/// The number of memories that are kept.
const MOST: usize = 64;

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

/// How a build does the first phase.
#[derive(Debug)]
pub(crate) enum FirstPhase {
    Whole,
    /// It is recorded, for this file.
    Recorded(Place),
    /// It is remembered; make read these makefiles in it.
    Direct(Replay, Vec<PathBuf>),
}

/// The place of a memory.
#[derive(Debug)]
pub(crate) struct Place {
    writer: Writer,
    file: PathBuf,
}

impl FirstPhase {
    pub(crate) fn way(&self) -> Way<'_> {
        match self {
            FirstPhase::Whole => Way::Whole,
            FirstPhase::Recorded(_) => Way::Recorded,
            FirstPhase::Direct(replay, _) => Way::Direct(replay),
        }
    }
}

impl Run<'_> {
    /// Decides how this build does the first phase, and prepares the files for it.
    pub(crate) fn first_phase(&self) -> Result<FirstPhase> {
        let watch = &self.resolved.make.watch;
        let phase = self.decide_first_phase();
        let mut log = Vec::new();
        match &phase {
            FirstPhase::Direct(_, makefiles) => log = Trace::of_makefiles(makefiles),
            FirstPhase::Recorded(_) => {
                let kernel = self.resolved.kernel();
                let lines = watch.recorder.lines([kernel.dir(), kernel.source_dir()]);
                let text = [&watch.text[..], &lines].concat();
                self.writer.remove_tree(&watch.recorder.folder)?;
                self.writer.create_dirs(&watch.recorder.folder)?;
                self.writer.write_private(&watch.makefile, &text)?;
            }
            FirstPhase::Whole => {}
        }
        self.writer.write_private(&watch.log, &log)?;
        Ok(phase)
    }

    fn decide_first_phase(&self) -> FirstPhase {
        let r = self.resolved;
        if !r.shortcut {
            return FirstPhase::Whole;
        }
        let tell = |why: &str| {
            if self.variable("V") == Some(OsStr::new("2")) {
                r.sink.note(&format!("kbuild's first phase runs: {why}"));
            }
        };
        if r.make.command.targets != [MODULES] {
            tell("only for the target modules is it remembered");
            return FirstPhase::Whole;
        }
        let place = match self.place() {
            Ok(place) => place,
            Err(why) => {
                tell(&why);
                return FirstPhase::Whole;
            }
        };
        let recalled = self.recall(&place);
        let shows = self.variable("V").is_some_and(|v| v != "" && v != "0");
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

    fn variable(&self, name: &str) -> Option<&OsStr> {
        let mut all = self.resolved.make.command.variables.iter();
        all.find(|(known, _)| known == name).map(|(_, v)| &**v)
    }

    /// The makes that are remembered for this build, and the makefiles of the first phase.
    fn recall(&self, place: &Place) -> std::result::Result<(Replay, Vec<PathBuf>), String> {
        let nothing = || {
            let why = self.writer.read(&self.resolved.make.watch.recorder.why);
            let why = why.ok().flatten().map(|why| String::from_utf8_lossy(&why).into_owned());
            why.unwrap_or_else(|| "nothing is remembered for this kernel and these settings".into())
        };
        let text = place.writer.read(&place.file).map_err(|e| e.to_string())?;
        let text = text.ok_or_else(nothing)?;
        let memory = Memory::parse(&text).ok_or("the memory is damaged")?;
        let env = &self.resolved.make.command.env;
        if let Some(state) = memory.files.iter().find(|state| !state.holds(env)) {
            return Err(format!("{} changed", state.name()));
        }
        let words = self.words(true);
        let args = self.args()?;
        let replay = Replay::of(&memory, &self.build(&words, &args)?)?;
        Ok((replay, memory.makefiles))
    }

    /// Remembers the first phase of the build that has just ended.
    pub(crate) fn remember(&self, phase: FirstPhase, outcome: &Outcome, start: Duration) {
        let FirstPhase::Recorded(place) = phase else {
            return;
        };
        let recorder = &self.resolved.make.watch.recorder;
        let kept = match outcome.success {
            true => self.memory(outcome, start),
            false => Err("the build failed".to_owned()),
        };
        let kept = kept.and_then(|memory| place.keep(&memory.write()));
        // The next build records again.
        let _ = self.writer.remove_tree(&recorder.folder);
        if let Err(why) = kept {
            let _ = self.writer.create_dirs(&recorder.folder);
            let _ = self.writer.write_private(&recorder.why, why.as_bytes());
        }
    }

    fn memory(&self, outcome: &Outcome, start: Duration) -> std::result::Result<Memory, String> {
        let r = self.resolved;
        let words = self.words(true);
        let args = self.args()?;
        let build = self.build(&words, &args)?;
        let (makes, checks_names) = recorded(&r.make.watch.recorder, &build)?;
        let said = outcome.first.as_ref();
        let said = said.ok_or("the first phase did not come to its end")?;
        let log = self.writer.read(&r.make.watch.log).ok().flatten();
        let makefiles = self.kernel_makefiles(&Trace::read(&log.unwrap_or_default()));
        let env = |name: &str| {
            let make = makes.first()?;
            let (_, value) = make.env.iter().find(|(known, _)| known == name)?;
            value.shown(&words, &r.make.command.env, name)
        };
        let programs = PROGRAMS.iter().filter_map(|name| {
            let text = env(name)?.into_string().ok()?;
            text.split(' ').next().map(str::to_owned)
        });
        let mut programs: Vec<String> = programs.filter(|name| !name.is_empty()).collect();
        programs.sort();
        programs.dedup();
        let files = self.deciding_files(&makefiles, &programs, start)?;
        Ok(Memory {
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

    /// The texts that differ from build to build. Without `given`, only the paths of the stage.
    fn words(&self, given: bool) -> Words {
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
            for (name, value) in &r.make.command.env {
                if is_of_key(name) {
                    words.add(&format!("e:{}", name.to_string_lossy()), value);
                }
            }
            for (name, value) in &r.make.command.variables {
                let value = escape_value(name, value).unwrap_or_default();
                words.add(&format!("q:{name}"), &quoted(&value));
                words.add(&format!("v:{name}"), &value);
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
        let pin = env.iter().find(|(name, _)| name == "KBUILD_SIGN_PIN");
        Ok(Build {
            program: self.program()?,
            args,
            env,
            words,
            kernel_dir: r.kernel().dir(),
            source_dir: r.kernel().source_dir(),
            module_dir: r.module_dir(),
            works_in_module: r.kernel().version() >= (6, 13),
            path: r.stage.private.file_name().map(OsStr::to_owned),
            secret: pin.map(|(_, value)| value.clone()),
        })
    }

    fn program(&self) -> std::result::Result<PathBuf, String> {
        let make = find_program("make", &self.resolved.make.command.env);
        make.ok_or_else(|| "make is not in PATH".to_owned())
    }

    /// The place of the memory of this build.
    fn place(&self) -> std::result::Result<Place, String> {
        let (cache, _) = sys::cache_folder(|_| true);
        let cache = cache.ok_or("this user has no cache folder")?;
        let folder = cache.join("kbuild-rs").join(FOLDER);
        let root = sys::private_folder(&folder, true).map_err(|e| e.to_string())?;
        let root = root.ok_or("the cache folder cannot be created")?;
        Ok(Place {
            writer: Writer::new([root]),
            file: folder.join(self.key()?),
        })
    }

    /// The name of the memory: a hash of all values that decide the first phase.
    fn key(&self) -> std::result::Result<String, String> {
        let r = self.resolved;
        let words = self.words(false);
        let command = &r.make.command;
        let mut hash = HMAC::new("kbuild-rs first phase");
        let mut add = |name: &OsStr, value: &[u8]| {
            for part in [name.as_bytes(), value] {
                hash.update(part.len().to_le_bytes());
                hash.update(part);
            }
        };
        let path = |path: &Path| path.as_os_str().as_bytes().to_vec();
        add(OsStr::new("version"), env!("CARGO_PKG_VERSION").as_bytes());
        add(OsStr::new("kernel"), &path(r.kernel().dir()));
        add(OsStr::new("source"), &path(r.kernel().source_dir()));
        add(OsStr::new("make"), &path(&self.program()?));
        add(OsStr::new("sandbox"), &[u8::from(command.sandbox.is_some())]);
        // It has the questions to compilers, and lines for the products of a module.
        let watch = words.hide(OsStr::from_bytes(&r.make.watch.text));
        add(OsStr::new("watch"), &watch);
        for (name, value) in command.variables.iter().filter(|(name, _)| name != "V") {
            let value = escape_value(name, value).map_err(|e| e.to_string())?;
            add(OsStr::new(name), &words.hide(&value));
        }
        add(OsStr::new("environment"), b"");
        for (name, value) in command.env.iter().filter(|(name, _)| is_of_key(name)) {
            add(name, &words.hide(value));
        }
        let bytes = hash.finalize();
        Ok(bytes[..16].iter().map(|b| format!("{b:02x}")).collect())
    }
}

/// Whether a variable of the environment can decide the first phase. TERM only names the terminal's
/// abilities, and the PIN is written nowhere.
fn is_of_key(name: &OsStr) -> bool {
    name != "TERM" && name != "KBUILD_SIGN_PIN"
}

impl Place {
    fn keep(&self, text: &[u8]) -> std::result::Result<(), String> {
        self.writer
            .write_shared(&self.file, text)
            .map_err(|e| e.to_string())?;
        self.make_room();
        Ok(())
    }

    /// Removes the oldest memories if there are too many.
    fn make_room(&self) {
        let Some(folder) = self.file.parent() else {
            return;
        };
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let with_time = |entry: fs::DirEntry| {
            let time = entry.metadata().ok()?.modified().ok()?;
            Some((time, entry.path()))
        };
        let mut all: Vec<(SystemTime, PathBuf)> = entries.filter_map(with_time).collect();
        all.sort();
        let many = all.len().saturating_sub(MOST);
        for (_, path) in all.iter().take(many) {
            let _ = self.writer.remove_file(path);
        }
    }
}
