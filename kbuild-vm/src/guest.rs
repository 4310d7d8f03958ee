//! The virtual machine: its parts, and one run of it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::cut;
use crate::initrd::{self, Contents};
use crate::process::{self, Limits};
use crate::verdict::{self, Verdict};
use crate::{Error, Result};

/// The processor that a kernel runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// A PC with BIOS; the kernel calls it `x86`.
    X86_64,
    /// QEMU's `virt` machine.
    Arm64,
}

impl Arch {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Arm64 => "arm64",
        }
    }

    /// QEMU's program.
    pub(crate) fn program(self) -> &'static str {
        self.qemu().0
    }

    /// Parameters of its kernels. A kernel counts the ticks of a PC's timer, and panics if a busy host
    /// gave it too few of them.
    fn parameters(self) -> &'static str {
        match self {
            Arch::X86_64 => " no_timer_check",
            Arch::Arm64 => "",
        }
    }

    /// QEMU's program, its machine, and the name of the machine's serial console in Linux.
    fn qemu(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Arch::X86_64 => ("qemu-system-x86_64", "pc", "ttyS0"),
            Arch::Arm64 => ("qemu-system-aarch64", "virt", "ttyAMA0"),
        }
    }
}

/// A kernel that can be booted.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The output of `uname -r` in it.
    pub release: String,
    /// The processor that it was built for.
    pub arch: Arch,
    /// The bootable image; on x86-64 also a plain `vmlinux`, if [`decompress`](crate::decompress)
    /// made it.
    pub image: PathBuf,
    /// Its folder of modules, with `modules.dep` and `modules.builtin`. It is only read if the
    /// guest [loads](Guest::module_dependencies) some of them.
    pub modules: PathBuf,
}

/// UEFI for a PC, in QEMU's two files, as the package `ovmf` has them.
///
/// With it, the kernel's image must be one that UEFI starts: `vmlinuz`, no plain `vmlinux`.
#[derive(Clone, Debug)]
pub struct Firmware {
    /// The program: `OVMF_CODE_4M.fd`.
    pub code: PathBuf,
    /// The variables, with the certificates that the kernel is to trust in `db`. The guest gets a
    /// copy.
    pub variables: PathBuf,
}

/// A guest before its run.
#[derive(Clone, Debug)]
pub struct Guest {
    kernel: Kernel,
    contents: Contents,
    firmware: Option<Firmware>,
    parameters: String,
    disks: Vec<PathBuf>,
    memory: u32,
    limits: Limits,
    /// The socket on which QEMU waits for a debugger.
    debugger: Option<PathBuf>,
}

/// A run of a guest, however it ended.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) verdict: Option<Verdict>,
    pub(crate) console: String,
    /// The words of QEMU itself.
    pub(crate) stderr: String,
    /// The limit that it exceeded.
    pub(crate) over_limit: Option<String>,
    pub(crate) elapsed: Duration,
}

impl Guest {
    /// A guest that boots `kernel`, with 512 MiB of memory and 60 s of time on an idle machine.
    ///
    /// `busybox` is a statically linked one for the kernel's processor: the guest uses it as its
    /// shell, `insmod`, `dmesg` and so on.
    pub fn new(kernel: Kernel, busybox: impl Into<PathBuf>) -> Guest {
        Guest {
            kernel,
            contents: Contents::new(busybox.into()),
            firmware: None,
            parameters: String::new(),
            disks: Vec::new(),
            memory: 512,
            limits: Duration::from_secs(60).into(),
            debugger: None,
        }
    }

    /// Puts a file of the host into the guest; it keeps its permission bits.
    #[must_use]
    pub fn file(mut self, guest_path: impl Into<String>, host_path: impl AsRef<Path>) -> Guest {
        let host_path = host_path.as_ref().to_path_buf();
        self.contents.files.push((guest_path.into(), host_path));
        self
    }

    /// Puts a file with these bytes into the guest.
    #[must_use]
    pub fn bytes(mut self, guest_path: impl Into<String>, bytes: Vec<u8>) -> Guest {
        self.contents.made.push((guest_path.into(), bytes));
        self
    }

    /// Puts everything below a folder of the host into the guest's `/`.
    #[must_use]
    pub fn tree(mut self, folder: impl AsRef<Path>) -> Guest {
        self.contents.trees.push(folder.as_ref().to_path_buf());
        self
    }

    /// Loads the kernel's own modules with these names, and the modules that they depend on, before
    /// the script runs. A module that is built into the kernel may be named too.
    #[must_use]
    pub fn module_dependencies<S: AsRef<str>>(mut self, names: &[S]) -> Guest {
        let names = names.iter().map(|name| name.as_ref().to_owned());
        self.contents.dependencies.extend(names);
        self
    }

    /// The shell lines to run, with busybox, as root, in `/`. Without a call, nothing runs and the
    /// verdict is good if the kernel boots.
    #[must_use]
    pub fn script(mut self, script: impl Into<String>) -> Guest {
        self.contents.script = script.into();
        self
    }

    /// Boots through UEFI, on x86-64 only.
    #[must_use]
    pub fn firmware(mut self, firmware: Firmware) -> Guest {
        self.firmware = Some(firmware);
        self
    }

    /// Adds parameters to the kernel's command line: `module.sig_enforce=1`.
    #[must_use]
    pub fn parameters(mut self, words: &str) -> Guest {
        self.parameters = format!("{} {words}", self.parameters);
        self
    }

    /// Attaches a raw image as a disk of virtio: the first is `/dev/vda`. The guest writes into it.
    #[must_use]
    pub fn disk(mut self, image: impl Into<PathBuf>) -> Guest {
        self.disks.push(image.into());
        self
    }

    /// The guest's memory, in MiB.
    #[must_use]
    pub fn memory(mut self, mebibytes: u32) -> Guest {
        self.memory = mebibytes;
        self
    }

    /// The time that boot and script together may take.
    #[must_use]
    pub fn timeout(mut self, limits: impl Into<Limits>) -> Guest {
        self.limits = limits.into();
        self
    }

    /// Stops before the kernel's first instruction, until a debugger on this socket continues. Symbols
    /// are where the kernel's `vmlinux` has them.
    #[must_use]
    pub(crate) fn debugger(mut self, socket: PathBuf) -> Guest {
        self.debugger = Some(socket);
        self.parameters("nokaslr")
    }

    /// Boots, runs the script, and ends the guest. A script that fails is not an error here: see
    /// [`Verdict::ok`].
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::NoModule`] if the guest cannot be put together;
    /// [`Error::Start`] if QEMU is not installed; [`Error::NoVerdict`] if the kernel panicked or
    /// QEMU refused it; [`Error::Killed`] if the guest exceeded its limits.
    pub fn run(self) -> Result<Verdict> {
        let place = Place::fill(&self)?;
        let output = process::run(&mut self.qemu(&place), self.limits)?;
        self.verdict(&output.stdout, &output.stderr)
    }

    /// As [`run`](Guest::run), and cuts the power `after` the script has printed the line `mark`:
    /// whatever the guest has not written to its disks by then is lost. `None` if it was cut off;
    /// the verdict if the guest ended before.
    ///
    /// # Errors
    /// As [`run`](Guest::run).
    pub fn cut_power(self, mark: &str, after: Duration) -> Result<Option<Verdict>> {
        let place = Place::fill(&self)?;
        let mut qemu = self.qemu(&place);
        match cut::run(&mut qemu, self.limits, mark, after)? {
            None => Ok(None),
            Some(console) => self.verdict(&console, b"").map(Some),
        }
    }

    /// As [`run`](Guest::run), and the console comes back however the guest ends. The guest is ended
    /// once `stop` is true.
    pub(crate) fn attempt(&self, stop: &dyn Fn() -> bool) -> Result<Attempt> {
        let place = Place::fill(self)?;
        let heard = process::listen(&mut self.qemu(&place), self.limits, stop)?;
        let console = String::from_utf8_lossy(&heard.stdout).replace('\r', "");
        let over_limit = match heard.ended {
            Ok(_) => None,
            Err(Error::Killed { why, .. }) => Some(why),
            Err(error) => return Err(error),
        };
        Ok(Attempt {
            verdict: verdict::parse(&console),
            console,
            stderr: String::from_utf8_lossy(&heard.stderr).into_owned(),
            over_limit,
            elapsed: heard.elapsed,
        })
    }

    /// Boots with the console on this process's own terminal, until the guest ends or `stop` is true.
    pub(crate) fn interact(&self, stop: &dyn Fn() -> bool) -> Result<()> {
        let place = Place::fill(self)?;
        process::attend(&mut self.qemu_on(&place, "chardev:terminal"), stop)
    }

    fn verdict(self, console: &[u8], stderr: &[u8]) -> Result<Verdict> {
        let text = String::from_utf8_lossy(console);
        verdict::parse(&text).ok_or_else(|| Error::NoVerdict {
            release: self.kernel.release,
            said: process::tail(&[console, stderr].concat()),
        })
    }

    fn qemu(&self, place: &Place) -> Command {
        self.qemu_on(place, "stdio")
    }

    fn qemu_on(&self, place: &Place, serial: &str) -> Command {
        let (program, machine, console) = self.kernel.arch.qemu();
        let mut qemu = Command::new(program);
        qemu.args(["-M", machine, "-accel", "tcg", "-cpu", "max"])
            .args(["-m", &self.memory.to_string()])
            .args(["-nodefaults", "-no-user-config", "-no-reboot"])
            .args(["-display", "none", "-serial", serial]);
        if serial != "stdio" {
            // Ctrl-C is for the guest.
            qemu.args(["-chardev", "stdio,id=terminal,signal=off"]);
        }
        if let Some(socket) = &self.debugger {
            let mut server = OsString::from("unix:");
            server.push(socket);
            server.push(",server=on,wait=off");
            qemu.arg("-gdb").arg(server).arg("-S");
        }
        if let Some(firmware) = &self.firmware {
            qemu.arg("-drive")
                .arg(drive("if=pflash,unit=0,readonly=on", &firmware.code))
                .arg("-drive")
                .arg(drive("if=pflash,unit=1", &place.variables()));
        }
        for disk in &self.disks {
            qemu.arg("-drive").arg(drive("if=virtio", disk));
        }
        qemu.arg("-kernel")
            .arg(&self.kernel.image)
            .arg("-initrd")
            .arg(place.initrd())
            .arg("-append")
            .arg(format!(
                "console={console} panic=-1 quiet{}{}",
                self.kernel.arch.parameters(),
                self.parameters
            ));
        qemu
    }
}

/// A raw image, in the words of QEMU's command line, where a comma is doubled.
fn drive(words: &str, image: &Path) -> OsString {
    let mut value = OsString::from(format!("{words},format=raw,file="));
    let path = image.as_os_str().as_bytes();
    for (place, part) in path.split(|byte| *byte == b',').enumerate() {
        if place > 0 {
            value.push(",,");
        }
        value.push(OsStr::from_bytes(part));
    }
    value
}

/// The folder of one run.
struct Place(tempfile::TempDir);

impl Place {
    fn fill(guest: &Guest) -> Result<Place> {
        let folder = tempfile::tempdir().map_err(Error::file(&std::env::temp_dir()))?;
        let place = Place(folder);
        let archive = initrd::build(&guest.contents, &guest.kernel)?;
        fs::write(place.initrd(), archive).map_err(Error::file(&place.initrd()))?;
        if let Some(firmware) = &guest.firmware {
            let from = &firmware.variables;
            let content = fs::read(from).map_err(Error::file(from))?;
            fs::write(place.variables(), content).map_err(Error::file(&place.variables()))?;
        }
        Ok(place)
    }

    fn initrd(&self) -> PathBuf {
        self.0.path().join("initrd")
    }

    fn variables(&self) -> PathBuf {
        self.0.path().join("variables.fd")
    }
}

#[cfg(test)]
mod tests;
