//! `kbuild-rs check`: whether a kernel would load modules.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;

use kbuild::{
    Advice, Check, CheckFault, CheckOutcome, CheckReport, ErrorKind, Kernel, Message, Verdict,
};
use serde::Serialize;

use super::module_files;
use crate::args::{CheckArgs, MessageFormat};
use crate::builds::kernel_search;
use crate::ui::failure::{Failure, exit_code};
use crate::ui::json::{self, path};
use crate::ui::options::UiOptions;
use crate::ui::progress::Progress;
use crate::ui::streams;
use crate::ui::style::Style;
use crate::ui::text::printable;

/// The output directory of `build`.
const OUT: &str = "kbuild-out";

/// The most sentences of one kind about a module: it may lack 60,000 symbols.
const MOST: usize = 20;

/// What `check` prints, as JSON.
#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Event<'a> {
    /// The verdict about a module.
    ModuleChecked {
        /// `null` if only a `Module.symvers` is known.
        release: Option<&'a str>,
        name: &'a str,
        path: String,
        outcome: CheckOutcome,
        faults: Vec<Fault<'a>>,
        /// What the kernel tree does not tell.
        unclear: &'a [String],
        notes: &'a [String],
        /// The modules that must be loaded before.
        needs: &'a [String],
    },
    Error {
        kind: ErrorKind,
        message: String,
        advice: &'a [Advice],
    },
    /// The last line.
    CheckFinished { success: bool },
}

/// A reason why a module does not load.
#[derive(Serialize)]
struct Fault<'a> {
    kind: &'a str,
    symbol: Option<&'a str>,
    message: &'a str,
    advice: &'a Advice,
}

/// One call.
struct Call<'a> {
    args: &'a CheckArgs,
    progress: Progress,
    failures: Vec<Failure>,
    all_load: bool,
}

pub(super) fn run(args: &CheckArgs, style: Style) -> ExitCode {
    let mut call = Call {
        args,
        progress: Progress::new(UiOptions::new(style, false)),
        failures: Vec::new(),
        all_load: true,
    };
    if let Err(failure) = call.all() {
        call.fail(failure);
    }
    let success = call.all_load && call.failures.is_empty();
    if call.is_json() {
        json::print(&Event::CheckFinished { success });
    }
    match call.all_load {
        true => exit_code(&call.failures),
        false => ExitCode::FAILURE,
    }
}

impl Call<'_> {
    fn is_json(&self) -> bool {
        self.args.message_format == MessageFormat::Json
    }

    fn all(&mut self) -> Result<(), Failure> {
        // A missing file is a wrong call, whatever the kernels are.
        self.modules("")?;
        for (mut check, shown) in self.checks()? {
            for module in self.modules(&shown)? {
                check.module(module);
            }
            for certificate in &self.args.trusted_cert {
                check.trusted_certificate(certificate);
            }
            check
                .root(&self.args.root)
                .enforce_signatures(self.args.enforce_signatures);
            match check.run() {
                Ok(report) => self.report(&report, &shown),
                Err(error) => self.fail(error.into()),
            }
        }
        Ok(())
    }

    /// The modules to check for a kernel. A folder of several kernels has one of its release.
    fn modules(&self, release: &str) -> Result<Vec<PathBuf>, Failure> {
        let default = [PathBuf::from(OUT)];
        let paths = match self.args.paths.as_slice() {
            [] => &default,
            paths => paths,
        };
        let mut modules = Vec::new();
        for path in paths {
            let of_release = path.join(release);
            let is_of_several =
                !release.is_empty() && !release.contains('/') && of_release.is_dir();
            let path = if is_of_several { &of_release } else { path };
            for module in module_files::below(path)? {
                if !modules.contains(&module) {
                    modules.push(module);
                }
            }
        }
        Ok(modules)
    }

    /// A check for each kernel, and its name for people.
    fn checks(&mut self) -> Result<Vec<(Check, String)>, Failure> {
        let args = self.args;
        if !args.all_kernels && args.kernels.is_empty() {
            if let Some((first, others)) = args.symvers.split_first() {
                let mut check = Check::of_symvers(first);
                for other in others {
                    check.symvers(other);
                }
                return Ok(vec![(check, first.display().to_string())]);
            }
        }
        let mut checks = Vec::new();
        for kernel in self.kernels()? {
            let mut check = Check::of_kernel(&kernel);
            for symvers in &args.symvers {
                check.symvers(symvers);
            }
            checks.push((check, kernel.release().to_owned()));
        }
        Ok(checks)
    }

    fn kernels(&mut self) -> Result<Vec<Kernel>, Failure> {
        if self.args.all_kernels {
            let mut kernels = Vec::new();
            for installed in kernel_search::installed() {
                match installed.kernel {
                    Ok(kernel) => kernels.push(kernel),
                    Err(error) => self.note(&format!("a kernel is left out: {error}")),
                }
            }
            return match kernels.is_empty() {
                false => Ok(kernels),
                true => Err(Failure::no_result(
                    "this machine has no usable kernel tree. To see the reasons, run\n    kbuild-rs \
                     kernels",
                )),
            };
        }
        if self.args.kernels.is_empty() {
            let (kernel, note) = kernel_search::default(None);
            // `build` says what it builds for.
            if let Some(note) = note {
                self.note(&note.replace("Building for", "Checking for"));
            }
            return Ok(vec![kernel?]);
        }
        let mut kernels = Vec::new();
        for name in &self.args.kernels {
            kernels.push(kernel_search::named(name)?);
        }
        Ok(kernels)
    }

    fn report(&mut self, report: &CheckReport, shown: &str) {
        self.all_load &= report.all_load();
        for verdict in &report.verdicts {
            match self.is_json() {
                true => json::print(&event(verdict, report.release.as_deref())),
                false => self.tell(verdict, shown),
            }
        }
        for note in &report.notes {
            self.note(note);
        }
    }

    fn tell(&mut self, verdict: &Verdict, shown: &str) {
        let file = verdict.path.display().to_string();
        let file = printable(&file);
        let first = verdict.faults.first().map(|fault| &*fault.message);
        let unclear = verdict.unclear.first().map(String::as_str);
        let line = match verdict.outcome {
            CheckOutcome::Loads => format!("{file}: loads on {shown}"),
            CheckOutcome::DoesNotLoad => {
                let why = printable(first.unwrap_or_default());
                format!("{file}: does not load on {shown}: {why}")
            }
            _ => {
                let why = printable(unclear.unwrap_or_default());
                format!("{file}: unclear on {shown}: {why}")
            }
        };
        streams::result(line);
        let faults = &verdict.faults[..verdict.faults.len().min(MOST)];
        // Several reasons often have one remedy: the last of them has it.
        let mut seen = HashSet::new();
        let is_last = |fault: &CheckFault| seen.insert(fault.advice.text().to_owned());
        let mut with_advice: Vec<bool> = faults.iter().rev().map(is_last).collect();
        with_advice.reverse();
        for (fault, with_advice) in faults.iter().zip(with_advice) {
            self.progress.error(&in_words(&file, fault, with_advice));
        }
        if let Some(text) = rest(verdict.faults.len(), "reasons") {
            self.progress.error(&format!("{file}: {text}"));
        }
        for text in verdict.unclear.iter().take(MOST) {
            self.progress
                .warning(&format!("{file}: {}", printable(text)));
        }
        if let Some(text) = rest(verdict.unclear.len(), "questions") {
            self.progress.warning(&format!("{file}: {text}"));
        }
        if self.args.verbose {
            for text in verdict.notes.iter().take(MOST) {
                self.progress
                    .chatter(&format!("note: {file}: {}", printable(text)));
            }
            if let Some(text) = rest(verdict.notes.len(), "remarks") {
                self.progress.chatter(&format!("note: {file}: {text}"));
            }
            if !verdict.needs.is_empty() {
                let needs = verdict.needs.join(", ");
                let text = format!("note: {file}: needs {}", printable(&needs));
                self.progress.chatter(&text);
            }
        }
    }

    fn note(&mut self, text: &str) {
        match self.is_json() {
            true => json::print(&Message::Note { text }),
            false => self.progress.chatter(&format!("note: {text}")),
        }
    }

    fn fail(&mut self, failure: Failure) {
        match self.is_json() {
            true => json::print(&Event::Error {
                kind: failure.kind(),
                message: failure.to_string(),
                advice: failure.advice(),
            }),
            false => self.progress.error(&failure.to_string()),
        }
        self.failures.push(failure);
    }
}

/// What stands for the sentences about a module that are not printed.
fn rest(count: usize, what: &str) -> Option<String> {
    let more = count.checked_sub(MOST).filter(|more| *more > 0)?;
    Some(format!(
        "and {more} more {what}. To see all, add\n    --message-format json"
    ))
}

/// A reason for people: the kernel's message, and what to do. A command is on a line of its own.
fn in_words(file: &str, fault: &CheckFault, with_advice: bool) -> String {
    let message = printable(&fault.message);
    if !with_advice {
        return format!("{file}: {message}");
    }
    let advice: Vec<_> = fault.advice.text().lines().map(printable).collect();
    let advice = advice.join("\n");
    let mut rest = advice.chars();
    let first: String = rest
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{file}: {message}. {first}{}", rest.as_str())
}

fn event<'a>(verdict: &'a Verdict, release: Option<&'a str>) -> Event<'a> {
    let faults = verdict.faults.iter().map(|fault| Fault {
        kind: fault.kind.as_str(),
        symbol: fault.symbol.as_deref(),
        message: &fault.message,
        advice: &fault.advice,
    });
    Event::ModuleChecked {
        release,
        name: &verdict.name,
        path: path(&verdict.path),
        outcome: verdict.outcome,
        faults: faults.collect(),
        unclear: &verdict.unclear,
        notes: &verdict.notes,
        needs: &verdict.needs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_left_out_is_counted() {
        assert_eq!(rest(MOST, "reasons"), None);
        let text = rest(60_000, "reasons").unwrap();
        assert!(text.starts_with("and 59980 more reasons."), "{text}");
    }
}
