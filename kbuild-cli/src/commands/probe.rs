//! `kbuild-rs probe`: asks whether something compiles for a kernel.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use kbuild::{Answers, Build, Probe};

use crate::args::{MessageFormat, ProbeArgs, ProbeKernelArgs, ProbeRunArgs, QuestionArgs};
use crate::builds::out_dir::OutDir;
use crate::process::signals;
use crate::ui::failure::{Failure, exit_code};
use crate::ui::json::{self, Event};
use crate::ui::options::UiOptions;
use crate::ui::streams;
use crate::ui::style::Style;
use crate::ui::view::View;

pub(super) fn run(args: &ProbeArgs, style: Style) -> ExitCode {
    signals::relayed(|| ask(args, style))
}

fn ask(args: &ProbeArgs, style: Style) -> ExitCode {
    let format = args.run.message_format;
    let view = View::new(format, UiOptions::new(style, args.run.quiet));
    let answers = OutDir::make(args.run.out_dir.as_deref()).and_then(|made| {
        let answers = answers(args, &view);
        if answers.is_err() {
            made.remove_if_unused();
        }
        answers
    });
    view.ended();
    let code = match &answers {
        Ok(answers) => {
            show(answers, format);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            view.failure(failure);
            exit_code(std::slice::from_ref(failure))
        }
    };
    if format == MessageFormat::Json {
        let inputs = answers.as_ref().map(Answers::prerequisites);
        let inputs = inputs.unwrap_or_default().iter();
        json::print(&Event::ProbeFinished {
            success: answers.is_ok(),
            inputs: inputs.map(|path| json::path(path)).collect(),
        });
    }
    code
}

fn answers(args: &ProbeArgs, view: &View) -> Result<Answers, Failure> {
    let mut build = Build::new();
    build.cargo_metadata(false);
    set_kernel(&mut build, &args.kernel);
    set_run(&mut build, &args.run);
    let listener = view.clone();
    build.on_message(move |message| listener.message(message));
    let mut probe = build.probe();
    add(&mut probe, &args.questions)?;
    probe.try_answers().map_err(|error| Failure::from(&error))
}

fn set_kernel(build: &mut Build, args: &ProbeKernelArgs) {
    if let Some(kernel) = &args.kernel {
        build.kernel(kernel);
    }
    if let Some(arch) = &args.arch {
        build.arch(arch);
    }
    if let Some(prefix) = &args.cross_compile {
        build.cross_compile(prefix);
    }
    if let Some(llvm) = &args.llvm {
        build.llvm(llvm);
    }
    if let Some(cc) = &args.cc {
        build.cc(cc);
    }
    if let Some(base) = &args.base {
        build.base(base);
    }
    for dir in &args.include {
        build.include(dir);
    }
    for (name, value) in &args.define {
        build.define(name, value.as_deref());
    }
    for flag in args.cflags() {
        build.cflag(flag);
    }
    for (name, value) in &args.config {
        build.config(name, *value);
    }
}

fn set_run(build: &mut Build, args: &ProbeRunArgs) {
    let out_dir = OutDir::path(args.out_dir.as_deref());
    build.out_dir(out_dir).default_pool_dir(out_dir);
    if let Some(jobs) = args.jobs {
        build.jobs(jobs.into());
    }
    if let Some(dir) = &args.pool_dir {
        build.pool_dir(dir);
    }
    build.shortcut(!args.no_shortcut).sandbox(args.sandbox);
    for what in &args.sandbox_allow {
        build.sandbox_allow(what);
    }
}

fn add(probe: &mut Probe, args: &QuestionArgs) -> Result<(), Failure> {
    let asked = [
        &args.has_header,
        &args.has_symbol,
        &args.has_member,
        &args.exports,
    ];
    if args.compiles.is_empty() && asked.iter().all(|questions| questions.is_empty()) {
        return Err(Failure::wrong_call(
            "no question is given. Ask for instance\n    kbuild-rs probe --has-header \
             HAVE_UNALIGNED=linux/unaligned.h"
                .to_owned(),
        ));
    }
    let given = match &args.prefix {
        Some(file) => read(file.as_os_str())?,
        None => Vec::new(),
    };
    let prefix = |headers: &[String]| {
        let mut text = given.clone();
        for header in headers {
            text.extend_from_slice(format!("\n#include <{header}>").as_bytes());
        }
        text
    };
    for (name, file) in &args.compiles {
        probe.compiles(name, read(file)?);
    }
    for asked in &args.has_header {
        probe.has_header(&asked.name, &asked.what);
    }
    for asked in &args.has_symbol {
        let prefix = prefix(&asked.headers);
        probe.has_symbol(&asked.name, &asked.what, prefix);
    }
    for asked in &args.has_member {
        let prefix = prefix(&asked.headers);
        probe.has_member(&asked.name, &asked.what, &asked.member, prefix);
    }
    for asked in &args.exports {
        probe.exports(&asked.name, &asked.what);
    }
    Ok(())
}

/// The bytes of a file; `-` is standard input.
fn read(file: &OsStr) -> Result<Vec<u8>, Failure> {
    let path = Path::new(file);
    if file != "-" {
        return fs::read(path).map_err(|error| Failure::file("read", path, &error));
    }
    let mut text = Vec::new();
    let read = std::io::stdin().read_to_end(&mut text);
    read.map_err(|error| Failure::file("read", path, &error))?;
    Ok(text)
}

fn show(answers: &Answers, format: MessageFormat) {
    for (name, yes) in answers.iter() {
        match format {
            MessageFormat::Human => {
                streams::result(format!("{name} {}", if yes { "yes" } else { "no" }));
            }
            MessageFormat::Json => json::print(&Event::ProbeAnswer {
                name,
                answer: yes,
                log: answers.log(name).map(json::path),
            }),
        }
    }
}
