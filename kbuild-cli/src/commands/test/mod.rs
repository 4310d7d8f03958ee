//! `kbuild-rs test`: boots kernels in QEMU, and tries modules there.
//!
//! # Decisions
//! - A folder with a Kbuild or a Makefile is a module tree and is built first, whatever else is in it:
//!   `build` takes it in the same way. Every other folder is searched for `.ko` files, as `package` and
//!   `install` do.
//! - A kernel without an image is an error if the caller named it or the modules are for it, and is
//!   skipped with `--all-kernels`. A call in which every kernel was skipped fails.
//! - Kernels are tested one after the other: an emulated processor takes a whole one of this machine,
//!   and times out if it does not get it.

mod debug;
mod inputs;
mod json;
mod junit;
mod kernels;
mod results;
mod tap;
mod tell;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use kbuild::Signals;
use kbuild_vm::{Error, Ko, ModuleTest, TestReport};

use crate::args::{MessageFormat, TestArgs};
use crate::process::signals;
use crate::ui::failure::Failure;
use crate::ui::json::print;
use crate::ui::options::UiOptions;
use crate::ui::progress::Progress;
use crate::ui::streams;
use crate::ui::style::Style;
use kernels::{Booted, Candidate};

/// What happened on one kernel.
pub(super) enum Outcome {
    Ended(Box<TestReport>),
    /// A person has looked at the guest.
    Interactive,
    /// The reason why the kernel was not booted.
    Skipped(String),
    /// The machine could not do the test.
    Failed(String),
}

/// The outcome on a kernel.
pub(super) struct Tested {
    pub(super) release: String,
    pub(super) modules: Vec<String>,
    pub(super) outcome: Outcome,
}

impl Tested {
    fn failed(&self) -> bool {
        match &self.outcome {
            Outcome::Ended(report) => !report.passed(),
            Outcome::Failed(_) => true,
            Outcome::Skipped(_) | Outcome::Interactive => false,
        }
    }
}

/// One call.
struct Call<'a> {
    args: &'a TestArgs,
    style: Style,
    progress: Progress,
    failures: Vec<Failure>,
    tested: Vec<Tested>,
}

pub(super) fn run(args: &TestArgs, style: Style) -> ExitCode {
    let mut call = Call {
        args,
        style,
        progress: Progress::new(UiOptions::new(style, args.results.quiet)),
        failures: Vec::new(),
        tested: Vec::new(),
    };
    // A signal ends QEMU, and then this program, so that no temporary file stays behind.
    signals::relayed(|| {
        let done = results::forget(&args.results).and_then(|()| call.all());
        if let Err(failure) = done {
            call.fail(failure);
        }
        results::drop_skips(&call.tested, &mut call.failures);
        if let Err(failure) = results::write(&args.results, &call.tested, &call.failures) {
            call.fail(failure);
        }
        call.end()
    })
}

impl Call<'_> {
    fn is_json(&self) -> bool {
        self.args.results.message_format == MessageFormat::Json
    }

    fn all(&mut self) -> Result<(), Failure> {
        let (modules, failures) = inputs::modules(self.args, self.style)?;
        let builds_failed = !failures.is_empty();
        // The builds have reported them.
        self.failures.extend(failures);
        Signals::check()?;
        if modules.is_empty() && builds_failed {
            return Ok(());
        }
        let candidates = kernels::candidates(self.args, modules, inputs::builds(self.args))?;
        for candidate in candidates {
            Signals::check()?;
            let release = candidate.release.clone();
            let names = candidate
                .modules
                .iter()
                .map(|one| one.name.clone())
                .collect();
            let outcome = self.one(candidate)?;
            let tested = Tested {
                release,
                modules: names,
                outcome,
            };
            self.tell(&tested);
            self.tested.push(tested);
        }
        if self
            .tested
            .iter()
            .all(|one| matches!(one.outcome, Outcome::Skipped(_)))
        {
            return Err(Failure::no_result(
                "no kernel was tested, because every kernel was skipped",
            ));
        }
        Ok(())
    }

    /// Tests the modules on one kernel.
    fn one(&mut self, candidate: Candidate) -> Result<Outcome, Failure> {
        let kernel = match candidate.kernel {
            Booted::Kernel(kernel) => kernel,
            Booted::Skipped(why) => return Ok(Outcome::Skipped(why)),
            Booted::Missing(why) => return Ok(Outcome::Failed(why)),
        };
        if !self.is_json() {
            let names: Vec<&str> = candidate.modules.iter().map(|one| &*one.name).collect();
            let line = format!("testing {} on {}", names.join(", "), candidate.release);
            self.progress.chatter(&line);
        }
        let (image, tree) = (kernel.image.clone(), candidate.tree.clone());
        let mut test = self.configured(candidate.modules, candidate.tree, kernel);
        // The socket for a debugger is in it.
        let scratch = self.args.guest.gdb.then(tempfile::tempdir).transpose();
        let scratch = scratch.map_err(|e| Failure::file("create", &std::env::temp_dir(), &e))?;
        if let Some(scratch) = &scratch {
            let socket = scratch.path().join("gdb");
            streams::text(debug::advice(&socket, &image, tree.as_deref()));
            test = test.map(|test| test.debugger(socket));
        }
        let done = match self.args.guest.interactive {
            true => test.and_then(|test| test.interact().map(|()| Outcome::Interactive)),
            false => test.and_then(|test| Ok(Outcome::Ended(Box::new(test.run()?)))),
        };
        match done {
            Ok(outcome) => Ok(outcome),
            Err(Error::Stopped) => {
                Signals::check()?;
                Err(Failure::tool("stopped"))
            }
            Err(error) => Ok(Outcome::Failed(error.to_string())),
        }
    }

    fn configured(
        &self,
        modules: Vec<Ko>,
        tree: Option<PathBuf>,
        kernel: kbuild_vm::Kernel,
    ) -> kbuild_vm::Result<ModuleTest> {
        let args = &self.args.guest;
        let mut test = ModuleTest::of(modules)?
            .kernel(kernel)
            .timeout(Duration::from_secs(args.timeout.into()))
            .memory(args.memory)
            .unload(!args.no_unload)
            .expected_taint(&format!("OE{}", args.allow_taint))
            .stop_when(|| Signals::stopped_by().is_some());
        if let Some(tree) = tree {
            test = test.tree(tree);
        }
        if let Some(busybox) = &args.busybox {
            test = test.busybox(busybox);
        }
        if let Some(command) = &args.run {
            test = test.command(command);
        }
        for (host, guest) in &args.files {
            test = test.file(guest, host);
        }
        for (module, parameter) in &args.parameters {
            test = test.parameter(module, parameter);
        }
        Ok(test)
    }

    fn tell(&mut self, tested: &Tested) {
        match self.is_json() {
            true => print(&json::event(tested)),
            false => tell::tell(&mut self.progress, self.style, tested),
        }
    }

    fn fail(&mut self, failure: Failure) {
        match self.is_json() {
            true => print(&json::error(&failure)),
            false => self.progress.error(&failure.to_string()),
        }
        self.failures.push(failure);
    }

    fn end(&mut self) -> ExitCode {
        self.progress.end();
        let success = self.failures.is_empty() && !self.tested.iter().any(Tested::failed);
        match self.is_json() {
            true => print(&json::finished(success)),
            false if !self.tested.is_empty() && !self.args.guest.interactive => {
                streams::result(tap::document(&self.tested))
            }
            false => {}
        }
        results::exit_code_of(&self.tested, &self.failures)
    }
}
