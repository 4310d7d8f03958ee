//! A test of modules: load them in a guest, run a command, unload them, and judge what the kernel
//! wrote.
//!
//! # Decisions
//! - Each step writes its name into the kernel's log, so a finding has its step.
//! - The kernel's log comes from `dmesg` if the guest ended as it should and the first mark is there:
//!   a module or the command may have cleared it. Otherwise the console has it: the guest prints
//!   everything there from the first step on.
//! - The modules of the kernel that a module names in `depends` are loaded before the first step.

mod judge;
mod ktap;
mod leaks;
mod ready;
mod report;
mod script;
mod taint;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use ktap::{KunitCase, KunitResult, KunitSuite};
use ready::Ready;
pub use report::TestReport;

use crate::guest::{Guest, Kernel};
use crate::ko::{self, Ko};
use crate::process::Limits;
use crate::{Error, Result};

/// A test of modules on one kernel.
#[derive(Clone, Debug)]
pub struct ModuleTest {
    modules: Vec<Ko>,
    /// Names of modules, each with one of its parameters.
    parameters: Vec<(String, String)>,
    kernel: Option<Kernel>,
    tree: Option<PathBuf>,
    busybox: Option<PathBuf>,
    command: Option<String>,
    files: Vec<(String, PathBuf)>,
    expected_taint: String,
    timeout: Duration,
    memory: u32,
    unload: bool,
    stop: fn() -> bool,
    debugger: Option<PathBuf>,
}

impl ModuleTest {
    /// A test of these `.ko` files, which are for one kernel. They are loaded in an order in which each
    /// comes after those that it needs.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::NotAModule`]; [`Error::Modules`] if there is none, if they are for
    /// several kernels, or if no order exists.
    pub fn new<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Result<ModuleTest> {
        let modules = files.into_iter().map(|file| Ko::read(file.as_ref()));
        ModuleTest::of(modules.collect::<Result<_>>()?)
    }

    /// The same for modules that were [read](Ko::read).
    ///
    /// # Errors
    /// [`Error::Modules`] as above.
    pub fn of(modules: Vec<Ko>) -> Result<ModuleTest> {
        let modules = ko::in_order(modules)?;
        let fail = |why: String| Err(Error::Modules { why });
        let Some(first) = modules.first() else {
            return fail("a test needs at least one module".to_owned());
        };
        if let Some(other) = modules.iter().find(|one| one.release != first.release) {
            return fail(format!(
                "{} is for the kernel {}, but {} for {}: test the modules of one kernel at a time",
                first.path.display(),
                first.release,
                other.path.display(),
                other.release
            ));
        }
        Ok(ModuleTest {
            modules,
            parameters: Vec::new(),
            kernel: None,
            tree: None,
            busybox: None,
            command: None,
            files: Vec::new(),
            expected_taint: "OE".to_owned(),
            timeout: Duration::from_secs(180),
            memory: 512,
            unload: true,
            stop: || false,
            debugger: None,
        })
    }

    /// The kernel to boot. Default: the one that the modules were built for, as
    /// [`Kernel::find`] finds it.
    #[must_use]
    pub fn kernel(mut self, kernel: Kernel) -> ModuleTest {
        self.kernel = Some(kernel);
        self
    }

    /// The kernel tree that the modules were built against: image, configuration and modules of the
    /// kernel are searched there and beside it.
    #[must_use]
    pub fn tree(mut self, tree: impl Into<PathBuf>) -> ModuleTest {
        self.tree = Some(tree.into());
        self
    }

    /// A static busybox for the kernel's processor. Default: the one in `PATH`.
    #[must_use]
    pub fn busybox(mut self, busybox: impl Into<PathBuf>) -> ModuleTest {
        self.busybox = Some(busybox.into());
        self
    }

    /// A parameter with which a module is loaded: `who=everyone`.
    #[must_use]
    pub fn parameter(mut self, module: &str, parameter: &str) -> ModuleTest {
        let name = module.replace('-', "_");
        self.parameters.push((name, parameter.to_owned()));
        self
    }

    /// Runs this command with `sh` once the modules are loaded. It has busybox's programs, is root, and
    /// works in `/`. An exit code other than 0 fails the test.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> ModuleTest {
        self.command = Some(command.into());
        self
    }

    /// Puts a file of the host into the guest; it keeps its permission bits. The guest has no shared
    /// libraries, so a program has to be static.
    #[must_use]
    pub fn file(
        mut self,
        guest_path: impl Into<String>,
        host_path: impl AsRef<Path>,
    ) -> ModuleTest {
        let host_path = host_path.as_ref().to_path_buf();
        self.files.push((guest_path.into(), host_path));
        self
    }

    /// The letters of `/proc/sys/kernel/tainted` that the test may set. Default: `OE`, because the
    /// modules are built outside of the kernel and perhaps unsigned. See
    /// <https://docs.kernel.org/admin-guide/tainted-kernels.html>.
    #[must_use]
    pub fn expected_taint(mut self, letters: &str) -> ModuleTest {
        self.expected_taint = letters.to_owned();
        self
    }

    /// The time for boot and test together, by the clock. Default: 180 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> ModuleTest {
        self.timeout = timeout;
        self
    }

    /// The guest's memory, in MiB. Default: 512.
    #[must_use]
    pub fn memory(mut self, mebibytes: u32) -> ModuleTest {
        self.memory = mebibytes;
        self
    }

    /// Whether the modules are unloaded at the end, in reverse order. Default: yes.
    #[must_use]
    pub fn unload(mut self, unload: bool) -> ModuleTest {
        self.unload = unload;
        self
    }

    /// A function that is asked many times a second; the guest ends when it says yes.
    #[must_use]
    pub fn stop_when(mut self, stop: fn() -> bool) -> ModuleTest {
        self.stop = stop;
        self
    }

    /// Stops before the kernel's first instruction, until a debugger continues. gdb connects with
    /// `target remote SOCKET`. The time has no limit then, and addresses are those of the kernel's
    /// `vmlinux`. QEMU creates the socket; its folder should be private.
    #[must_use]
    pub fn debugger(mut self, socket: impl Into<PathBuf>) -> ModuleTest {
        self.debugger = Some(socket.into());
        self
    }

    /// The modules in the order of loading.
    pub fn modules(&self) -> &[Ko] {
        &self.modules
    }

    /// Boots the kernel, and does the test. A test that fails is not an error: see
    /// [`TestReport::passed`].
    ///
    /// # Errors
    /// [`Error::Missing`] without QEMU, busybox or an image; [`Error::Modules`] if the kernel is not
    /// the one of the modules, or lacks a module that these need;
    /// [`Error::File`] for the files of the guest; [`Error::Start`] if QEMU does not start;
    /// [`Error::Stopped`] after [`stop_when`](ModuleTest::stop_when).
    pub fn run(&self) -> Result<TestReport> {
        let ready = self.ready()?;
        let release = ready.kernel.release.clone();
        let attempt = self.guest(&ready, false).attempt(&self.stop);
        let attempt = attempt.map_err(|error| self.named(error))?;
        Ok(judge::judge(self, &release, attempt))
    }

    /// Boots the kernel, loads the modules, and gives a shell on this process's own terminal. There is
    /// no limit of time.
    ///
    /// # Errors
    /// As [`run`](ModuleTest::run).
    pub fn interact(&self) -> Result<()> {
        let ready = self.ready()?;
        let done = self.guest(&ready, true).interact(&self.stop);
        done.map_err(|error| self.named(error))
    }

    fn guest(&self, ready: &Ready, shell: bool) -> Guest {
        let parameters = |name: &str| {
            let own = self.parameters.iter().filter(|(module, _)| module == name);
            own.map(|(_, text)| &**text).collect()
        };
        let modules = self.modules.iter();
        let plan = script::Plan {
            modules: modules
                .map(|one| (&*one.name, parameters(&one.name)))
                .collect(),
            command: self.command.as_deref(),
            shell,
            unload: self.unload,
            wait: ko::may_be_called_later(&self.modules),
            time: self.timeout,
        };
        // The kernel's own watchdogs come before the end of the guest's time, and not much earlier:
        // an emulated processor may stand still when the host is busy. They panic, because a panic
        // writes everything to the console: the thread that does so otherwise gets no processor.
        let seconds = (self.timeout.as_secs() / 6).clamp(5, 60);
        // KUnit as a module gets its parameters in `initrd.rs`.
        let mut guest = Guest::new(ready.kernel.clone(), &ready.busybox)
            .script(script::script(&plan))
            .parameters(&format!(
                "log_buf_len=2M kunit.enable=1 kunit.autorun=1 watchdog_thresh={seconds}"
            ))
            .parameters(&format!("rcupdate.rcu_cpu_stall_timeout={}", 2 * seconds))
            // Kernels with DEBUG_KMEMLEAK_DEFAULT_OFF have it, and do not look for leaks.
            .parameters("softlockup_panic=1 hung_task_panic=1 kmemleak=on")
            .memory(self.memory)
            .timeout(self.limits())
            .module_dependencies(&ko::in_tree(&self.modules));
        for one in &self.modules {
            let place = format!("{}/{}.ko", script::MODULES, one.name);
            guest = guest.bytes(place, one.bytes.clone());
        }
        for (place, file) in &self.files {
            guest = guest.file(place, file);
        }
        match &self.debugger {
            Some(socket) => guest.debugger(socket.clone()),
            None => guest,
        }
    }

    fn limits(&self) -> Limits {
        match self.debugger {
            Some(_) => Limits::wall(Duration::MAX),
            None => Limits::wall(self.timeout),
        }
    }
}
