//! Decides whether a recorded first phase is understood.
//!
//! Understood is: the top Makefile of the kernel started a make for the module's folder, one for
//! modpost, and perhaps one for the last step, one after another, and ran no other command than
//! those of the kernels that kbuild-rs knows. Anything else is left to the top Makefile.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::dump::{self, Dump};
use super::failing;
use super::name_check::{Form, NameCheck};
use super::recorder::Recorder;
use super::recording::{RecordedMake, Value};
use super::words::Words;
use crate::sys::regular;

/// The facts about the build that was recorded, or that may be a replay.
#[derive(Debug)]
pub(crate) struct Build<'a> {
    /// make, and the words that start the whole build.
    pub(crate) program: PathBuf,
    pub(crate) args: &'a [OsString],
    pub(crate) env: &'a [(OsString, OsString)],
    pub(crate) words: &'a Words,
    pub(crate) kernel_dir: &'a Path,
    pub(crate) source_dir: &'a Path,
    pub(crate) module_dir: &'a Path,
    /// Whether kbuild works in the module's folder, as it does since 6.13.
    pub(crate) works_in_module: bool,
}

/// Targets of the top Makefile with recipes that start the known makes, print warnings about the
/// toolchain, or compare the names of modules.
const TARGETS: &[&str] = &[
    "__sub-make",
    "descend",
    "modpost",
    "modules",
    "modules.order",
    "modules_check",
    "prepare",
    "sub-make",
];

/// The makefiles of the makes, in their order; the last one may be missing, because modpost's make
/// starts it up to 5.x.
const MAKEFILES: [&str; 3] = [
    "scripts/Makefile.build",
    "scripts/Makefile.modpost",
    "scripts/Makefile.modfinal",
];

/// The variables on the command line of the first one.
const ASSIGNMENTS: &[&str] = &["need-builtin=1", "need-modorder=1", "single-build="];

/// Variables that the system or a shell runs, or reads files from. Only the caller gives them.
const ONLY_GIVEN: &[&str] = &[
    "BASH_ENV",
    "ENV",
    "GNUMAKEFLAGS",
    "HOME",
    "MAKEFILES",
    "MAKE_RESTARTS",
    "PATH",
    "SHELL",
    "TMPDIR",
];

/// The makes that a recorded build started, and its check for two modules of one name.
///
/// # Errors
/// The reason why the recording is not understood.
pub(crate) fn recorded(
    recorder: &Recorder,
    build: &Build<'_>,
) -> Result<(Vec<RecordedMake>, Option<NameCheck>), String> {
    let dumps = dump::read(&recorder.folder);
    let makes = started(&dumps, build)?;
    let above = makes.first().map_or(0, |(above, _)| *above);
    let checks_names = check_targets(recorder, build)?.then(|| name_check(above, build));
    let checks_names = checks_names.transpose()?;
    let makes = makes.into_iter().enumerate();
    let makes = makes.map(|(number, (above, make))| {
        let failing = failing::lines(number, above, build)?;
        let hide = |text: OsString| build.words.hide(&text);
        Ok(RecordedMake {
            failing: failing.into_iter().map(hide).collect(),
            ..recorded_make(make, build)?
        })
    });
    let makes = makes.collect::<Result<Vec<_>, String>>()?;
    Ok((makes, checks_names))
}

/// The makes that the top Makefile started, each with the number of makes above it.
fn started<'a>(dumps: &'a [Dump], build: &Build<'_>) -> Result<Vec<(usize, &'a Dump)>, String> {
    // The words about jobs follow.
    let is_first = |dump: &Dump| {
        let args = dump.args.get(1..).unwrap_or_default();
        args.starts_with(build.args)
    };
    let mut tops: Vec<u32> = dumps
        .iter()
        .filter(|dump| is_first(dump))
        .map(|dump| dump.process)
        .collect();
    if tops.len() != 1 {
        return Err("make could not record how it was started".to_owned());
    }
    let mut makes = Vec::new();
    let top = build.source_dir.join("Makefile");
    for dump in dumps {
        let Some(above) = tops.iter().position(|&top| top == dump.parent) else {
            continue;
        };
        if dump.args.iter().any(|arg| *arg == *top.as_os_str()) {
            tops.push(dump.process);
        } else {
            makes.push((above + 1, dump));
        }
    }
    let program = build.program.as_os_str();
    for (number, (_, make)) in makes.iter().enumerate() {
        let args = make.args.get(1..).unwrap_or_default();
        let is_known = make.args.first().is_some_and(|name| name == program)
            && build.is_known(number, &make.cwd, args);
        if !is_known {
            let words: Vec<_> = make.args.iter().map(|arg| arg.to_string_lossy()).collect();
            return Err(format!(
                "the kernel's top Makefile started an unknown make: {}",
                words.join(" ")
            ));
        }
    }
    match makes.len() {
        2 | 3 => Ok(makes),
        _ => Err("the kernel's top Makefile did not start the known makes".to_owned()),
    }
}

/// Checks the recipes that the top Makefile ran. Returns whether it compared names of modules.
fn check_targets(recorder: &Recorder, build: &Build<'_>) -> Result<bool, String> {
    let text = regular::read(&recorder.targets).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let module = build.module_dir.to_string_lossy();
    for target in text.lines() {
        let inside = target.strip_prefix(&*module);
        // The recipe checks that this file and autoconf.h exist, as kbuild-rs does.
        if build.kernel_dir.join(target) == build.kernel_dir.join("include/config/auto.conf") {
            continue;
        }
        let is_module =
            target == "." || inside.is_some_and(|r| r.is_empty() || r == "/modules.order");
        if !is_module && !TARGETS.contains(&target) {
            return Err(format!(
                "the kernel's top Makefile ran an unknown recipe for {target}"
            ));
        }
    }
    Ok(text.lines().any(|target| target == "modules_check"))
}

/// The check of a kernel whose makes have `above` makes above them.
fn name_check(above: usize, build: &Build<'_>) -> Result<NameCheck, String> {
    let form = Form::of(&build.source_dir.join("scripts/modules-check.sh"));
    let form = form.ok_or("scripts/modules-check.sh is an unknown script")?;
    let failing = failing::lines(failing::CHECK, above, build)?;
    let failing = failing.iter().map(|line| build.words.hide(line)).collect();
    Ok(NameCheck { form, failing })
}

fn recorded_make(make: &Dump, build: &Build<'_>) -> Result<RecordedMake, String> {
    let hide = |text: &OsStr| build.words.hide(text);
    let mut env = Vec::new();
    for (name, text) in &make.env {
        let given = build.env.iter().find(|(known, _)| known == name);
        let value = if given.is_some_and(|(_, given)| given == text) {
            Value::Given
        } else if is_only_given(name) {
            return Err(format!(
                "the kernel's top Makefile sets {}",
                name.to_string_lossy()
            ));
        } else if name == "MAKEFLAGS" || name == "MFLAGS" {
            Value::Text(build.words.hide_flags(text))
        } else {
            let own = format!("x:{}", name.to_string_lossy());
            let own = build.words.named(&own, text.as_bytes());
            Value::Text(own.unwrap_or_else(|| hide(text)))
        };
        env.push((name.clone(), value));
    }
    env.sort_by(|a, b| a.0.cmp(&b.0));
    env.dedup_by(|a, b| a.0 == b.0);
    // Otherwise the top Makefile shows the commands that start the makes.
    if !make.env.contains(&("Q".into(), "@".into())) {
        return Err("kbuild shows its commands".to_owned());
    }
    if !env
        .iter()
        .any(|(name, value)| name == "MAKEFLAGS" && value.has_jobs())
    {
        return Err("make got neither -j nor a jobserver".to_owned());
    }
    Ok(RecordedMake {
        cwd: hide(make.cwd.as_os_str()),
        args: make.args.iter().skip(1).map(|arg| hide(arg)).collect(),
        env,
        failing: Vec::new(),
    })
}

/// Whether only the caller may give this variable.
pub(super) fn is_only_given(name: &OsStr) -> bool {
    let named = ONLY_GIVEN.iter().any(|known| name == *known);
    named || name.as_bytes().starts_with(b"LD_") || name.as_bytes().starts_with(b"GIT_")
}

impl Build<'_> {
    /// Whether the words start the known make with this number.
    pub(super) fn is_known(&self, number: usize, cwd: &Path, args: &[OsString]) -> bool {
        let [flag, makefile, rest @ ..] = args else {
            return false;
        };
        let Some(known) = MAKEFILES.get(number) else {
            return false;
        };
        let own = self.source_dir.join(known);
        let in_place = PathBuf::from(".").join(known);
        let is_makefile = *makefile == *own.as_os_str()
            || (*makefile == *in_place.as_os_str() && cwd == self.source_dir);
        let mut obj = OsString::from("obj=");
        obj.push(self.module_dir);
        let is_module = |word: &OsString| *word == obj || *word == "obj=.";
        let is_word =
            |word: &OsString| is_module(word) || ASSIGNMENTS.iter().any(|known| word == known);
        let are_known = match number {
            0 => rest.iter().all(is_word) && rest.iter().any(is_module),
            _ => rest.is_empty(),
        };
        let is_folder = cwd == self.kernel_dir || cwd == self.module_dir;
        flag == "-f" && is_makefile && are_known && is_folder
    }
}
