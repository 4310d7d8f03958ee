//! Questions about a kernel: a build whose module folder has the sources that ask them.
//!
//! # Decisions
//!
//! - The answers are files in the stage like every target: a changed header, kernel, compiler or
//!   flag removes those that it decided. The sources of earlier calls stay beside them, so a call
//!   asks only what is new, and a changed header is answered for all of them at once.
//! - Each set of flags has a stage of its own. Two calls with different flags do not undo each
//!   other's answers.
//! - A missing header is watched where the compiler searched for it. It changes no prerequisite.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::record::prerequisites::working_dir;
use super::{Run, skip};
use crate::jobs::inherited_descriptors;
use crate::make::{Group, SANITY, SANITY_SOURCE, Verdict, check_question, is_of_group};
use crate::resolve::{Wanted, resolve};
use crate::settings::{Answer, Answers, Asked, Question, Settings};
use crate::syntax::is_carryable;
use crate::sys::{Hash, regular};
use crate::{Error, ErrorKind, Kernel, Result};

/// Asks the questions of `settings`.
pub(crate) fn probe(settings: &Settings) -> Result<Answers> {
    let questions = settings.questions().unwrap_or_default();
    for (number, question) in questions.iter().enumerate() {
        check_question(question)?;
        if questions[..number].iter().any(|q| q.name == question.name) {
            return Err(Error::input(format!(
                "two questions have the name {}. Rename one of them",
                question.name
            )));
        }
    }
    let no = |question: &Question| Answer {
        name: question.name.clone(),
        yes: false,
        log: None,
    };
    let mut answers = Answers {
        kernel: None,
        answers: questions.iter().map(no).collect(),
        prerequisites: Vec::new(),
        folders: Vec::new(),
        started_make: false,
    };
    if skip::is_wanted(settings) {
        return Ok(answers);
    }
    let is_compiled = |question: &Question| !matches!(question.asked, Asked::Export(_));
    let kernel = match questions.iter().any(is_compiled) {
        true => compile(settings, &mut answers)?,
        false => Wanted::of(settings).kernel(settings)?,
    };
    look_into_symvers(&kernel, questions, &mut answers)?;
    answers.kernel = Some(kernel);
    Ok(answers)
}

/// Answers the questions that need a compiler.
fn compile(settings: &Settings, answers: &mut Answers) -> Result<Kernel> {
    // This must come before anything is opened here.
    inherited_descriptors(settings.environment.is_build_script);
    let resolved = resolve(settings, Some(&stage_name(settings)))?;
    let writer = resolved.stage.writer(&resolved.out)?;
    let run = Run {
        resolved: &resolved,
        writer: &writer,
    };
    // Another call may remove answers as soon as it has the lock.
    let report = run.go_and(|| run.answer(&mut answers.answers))?;
    answers.prerequisites = report.prerequisites;
    answers.folders = report.folders;
    answers.started_make = report.started_make;
    Ok(resolved.target.kernel)
}

/// The name of the stage: one for each set of flags and of tools.
fn stage_name(settings: &Settings) -> String {
    let mut hash = Hash::new();
    let mut add = |bytes: &[u8]| {
        hash.add(&(bytes.len() as u64).to_le_bytes()).add(bytes);
    };
    for (name, value) in &settings.flags.defines {
        add(name.as_bytes());
        add(value.as_deref().unwrap_or("\0").as_bytes());
    }
    add(b"\0flags");
    settings.flags.cflags.iter().for_each(|f| add(f.as_bytes()));
    add(b"\0folders");
    let folders = settings.includes.iter();
    folders.for_each(|dir| add(dir.as_os_str().as_bytes()));
    for (name, value) in &settings.configs {
        add(format!("{name}={value:?}").as_bytes());
    }
    for (name, value) in &settings.make_vars {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    for (name, value) in &settings.env {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    let Settings {
        arch,
        cross_compile,
        llvm,
        cc,
        extra_warnings,
        ..
    } = settings;
    for tool in [arch, cross_compile, llvm, cc, extra_warnings] {
        add(tool.as_deref().unwrap_or("\0").as_bytes());
    }
    add(&[u8::from(settings.sandbox)]);
    let allowed = settings.sandbox_allow.iter();
    allowed.for_each(|what| add(what.as_bytes()));
    format!("probe-{:016x}", hash.value())
}

/// Answers which symbols the kernel exports.
fn look_into_symvers(kernel: &Kernel, questions: &[Question], answers: &mut Answers) -> Result<()> {
    let mut exports = None;
    for (question, answer) in questions.iter().zip(&mut answers.answers) {
        let Asked::Export(symbol) = &question.asked else {
            continue;
        };
        if exports.is_none() {
            let path = kernel.symvers().ok_or_else(|| {
                Error::new(
                    ErrorKind::KernelConfig,
                    format!(
                        "{0} has no Module.symvers, so kbuild-rs cannot tell whether the kernel exports \
                         {symbol} (question {1}). Build that kernel:\n    make -C {0} modules",
                        kernel.dir().display(),
                        question.name
                    ),
                )
            })?;
            exports = Some(crate::kernel::Symvers::read(&path)?);
            answers.prerequisites.push(path);
        }
        let symvers = exports.as_ref();
        answer.yes = symvers.is_some_and(|symvers| symvers.find(symbol).is_some());
    }
    Ok(())
}

/// The files of one source in the stage.
struct Files {
    source: PathBuf,
    /// The compiler's output, which make's recipe writes.
    answer: PathBuf,
    /// Its prerequisites, as kbuild lists those of an object.
    command: PathBuf,
    /// The missing files that would change the answer, a line each.
    missing: PathBuf,
}

impl Files {
    fn of(dir: &Path, name: &str) -> Files {
        Files {
            source: dir.join(format!("{name}.c")),
            answer: dir.join(format!("{name}.answer")),
            command: dir.join(format!(".{name}.answer.cmd")),
            missing: dir.join(format!(".{name}.missing")),
        }
    }

    /// Whether the answer still holds, as far as missing files decide it.
    fn holds(&self) -> bool {
        let is_there = |path: &PathBuf| regular::look(path).is_ok();
        let missing = || regular::read_to_string(&self.missing);
        let mut all = [&self.answer, &self.command, &self.source].into_iter();
        all.all(is_there)
            && missing().is_ok_and(|text| text.lines().all(|file| !Path::new(file).exists()))
    }
}

impl Run<'_> {
    /// Whether this run asks nothing that was not answered before.
    pub(crate) fn knows_answers(&self) -> Result<bool> {
        let Some(questions) = self.resolved.questions() else {
            return Ok(true);
        };
        let known = self.known()?;
        let mut wanted = Group::of(questions).into_iter().flat_map(|g| g.keys);
        Ok(wanted.all(|key| known.iter().any(|group| group.keys.contains(&key))))
    }

    /// The sources in the stage whose answers still hold.
    fn known(&self) -> Result<Vec<Group>> {
        let dir = self.resolved.module_dir();
        let mut groups = self.in_stage()?;
        groups.retain(|group| Files::of(dir, &group.name).holds());
        Ok(groups)
    }

    /// All sources in the stage.
    fn in_stage(&self) -> Result<Vec<Group>> {
        let dir = self.resolved.module_dir();
        let mut groups = Vec::new();
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(name) = is_of_group(&name) else {
                continue;
            };
            let path = entry.path();
            let text = regular::read(&path).map_err(|e| Error::reading("read", &path, e))?;
            groups.push(Group::read(name, text));
        }
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(groups)
    }

    /// Writes the sources of the questions that have no answer, and removes answers that do not hold
    /// any more.
    pub(crate) fn write_questions(&self) -> Result<()> {
        let r = self.resolved;
        let Some(questions) = r.questions() else {
            return Ok(());
        };
        let dir = r.module_dir();
        let sanity = dir.join(format!("{SANITY}.c"));
        self.writer
            .write_if_changed(&sanity, SANITY_SOURCE.as_bytes())?;
        let mut asked = Vec::new();
        for group in self.in_stage()? {
            let files = Files::of(dir, &group.name);
            if !files.holds() {
                for path in [&files.answer, &files.command, &files.missing] {
                    self.writer.remove_file(path)?;
                }
            }
            asked.extend(group.keys);
        }
        let is_new = |question: &&Question| {
            let mut groups = Group::of([*question]).into_iter();
            groups.any(|group| group.keys.iter().any(|key| !asked.contains(key)))
        };
        for group in Group::of(questions.iter().filter(is_new)) {
            let source = Files::of(dir, &group.name).source;
            // The code may be a secret, as any source.
            self.writer.write_private(&source, &group.text)?;
        }
        Ok(())
    }

    /// Reads the answers that make has just collected, and lists their prerequisites for the record.
    ///
    /// # Errors
    /// A compiler that gave no honest answer.
    pub(crate) fn note_answers(&self, succeeded: bool) -> Result<()> {
        let r = self.resolved;
        if r.questions().is_none() || !succeeded {
            return Ok(());
        }
        let dir = r.module_dir();
        let mut failed = Ok(());
        for group in self.in_stage()? {
            let files = Files::of(dir, &group.name);
            if regular::look(&files.command).is_ok() {
                continue;
            }
            let Err(error) = self.note_answer(&group, &files) else {
                continue;
            };
            self.writer.remove_file(&files.answer)?;
            match self.names(&group) {
                Some(_) => failed = Err(error),
                // Nobody asks this any more, and it must not fail those who ask something else.
                None => {
                    self.writer.remove_file(&files.source)?;
                }
            }
        }
        failed
    }

    fn note_answer(&self, group: &Group, files: &Files) -> Result<()> {
        let verdict = self.verdict_of(group, files)?;
        let headers = verdict.headers.iter().map(Path::new);
        let missing = verdict.missing.iter().map(PathBuf::as_path);
        // make reads the list.
        if let Some(bad) = headers.chain(missing).find(|path| !is_carryable(path)) {
            return Err(Error::input(format!(
                "make cannot handle the name of the header {} that a question includes. Rename it",
                bad.display()
            )));
        }
        let target = format!("{}.answer", group.name);
        let mut text = format!("savedcmd_{target} := {SANITY}\n\ndeps_{target} := \\\n");
        for header in &verdict.headers {
            text.push_str(&format!("  {header} \\\n"));
        }
        text.push('\n');
        let mut missing = Vec::new();
        for path in &verdict.missing {
            missing.extend_from_slice(path.as_os_str().as_bytes());
            missing.push(b'\n');
        }
        self.writer.write_private(&files.missing, &missing)?;
        // The last one: it says that the others are whole.
        self.writer.write_private(&files.command, text.as_bytes())?;
        Ok(())
    }

    fn verdict_of(&self, group: &Group, files: &Files) -> Result<Verdict> {
        let r = self.resolved;
        let output = regular::read(&files.answer)
            .map_err(|e| Error::reading("read the answer of the compiler", &files.answer, e))?;
        let cwd = working_dir(r.kernel(), r.module_dir());
        Verdict::of(group, &output, &cwd, r.flag_folders()).map_err(|said| {
            Error::new(
                ErrorKind::BuildFailed,
                format!(
                    "the compiler for {} gave no answer to the question {}, neither yes nor no. It \
                     printed:\n{}",
                    r.kernel().release(),
                    self.names(group).unwrap_or_default(),
                    r.make.map.text(said.trim_end())
                ),
            )
        })
    }

    /// The names of a source's questions; `None` if this call asks none of them.
    fn names(&self, group: &Group) -> Option<String> {
        let questions = self.resolved.questions().into_iter().flatten();
        let is_here = |question: &&Question| {
            let mut groups = Group::of([*question]).into_iter();
            groups.any(|asks| asks.keys.iter().any(|key| group.keys.contains(key)))
        };
        let names: Vec<_> = questions.filter(is_here).map(|q| &*q.name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Fills in the answers, and writes a log for each question.
    fn answer(&self, answers: &mut [Answer]) -> Result<()> {
        let r = self.resolved;
        let known = self.known()?;
        let logs = r.folder.join("log");
        self.writer.create_dirs(&logs)?;
        let questions = r.questions().into_iter().flatten();
        for (question, answer) in questions.zip(answers) {
            let Some(key) = Group::of([question])
                .into_iter()
                .flat_map(|g| g.keys)
                .next()
            else {
                continue;
            };
            let group = known.iter().find(|group| group.keys.contains(&key));
            let group = group.ok_or_else(|| {
                let text = format!("make did not ask the question {}", question.name);
                Error::new(ErrorKind::NothingBuilt, text)
            })?;
            let files = Files::of(r.module_dir(), &group.name);
            let verdict = self.verdict_of(group, &files)?;
            answer.yes = !verdict.no.contains(&key);
            let log = logs.join(format!("{}.log", question.name));
            let word = if answer.yes { "yes" } else { "no" };
            let mut text = format!(
                "{}: {word}\nkernel: {}\nsource: {}\n\n",
                question.name,
                r.kernel().release(),
                files.source.display()
            )
            .into_bytes();
            text.extend_from_slice(&group.text);
            text.extend_from_slice(format!("\n\ncompiler:\n{}", verdict.said).as_bytes());
            if self.writer.read(&log)?.is_none_or(|known| known != text) {
                self.writer.write_private(&log, &text)?;
            }
            answer.log = Some(log);
        }
        Ok(())
    }
}
