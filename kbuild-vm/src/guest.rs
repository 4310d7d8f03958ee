//! The virtual machine: its parts, and one run of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

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

/// A guest before its run.
#[derive(Clone, Debug)]
pub struct Guest {
    kernel: Kernel,
    contents: Contents,
    memory: u32,
    limits: Limits,
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
            memory: 512,
            limits: Duration::from_secs(60).into(),
        }
    }

    /// Puts a file of the host into the guest; it keeps its permission bits.
    #[must_use]
    pub fn file(mut self, guest_path: impl Into<String>, host_path: impl AsRef<Path>) -> Guest {
        let host_path = host_path.as_ref().to_path_buf();
        self.contents.files.push((guest_path.into(), host_path));
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
    pub fn module_dependencies(mut self, names: &[&str]) -> Guest {
        let names = names.iter().map(|name| (*name).to_owned());
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

    /// Boots, runs the script, and ends the guest. A script that fails is not an error here: see
    /// [`Verdict::ok`].
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::NoModule`] if the guest cannot be put together;
    /// [`Error::Start`] if QEMU is not installed; [`Error::NoVerdict`] if the kernel panicked or
    /// QEMU refused it; [`Error::Killed`] if the guest exceeded its limits.
    pub fn run(self) -> Result<Verdict> {
        let folder = tempfile::tempdir().map_err(Error::file(&std::env::temp_dir()))?;
        let initrd = folder.path().join("initrd");
        let archive = initrd::build(&self.contents, &self.kernel)?;
        fs::write(&initrd, archive).map_err(Error::file(&initrd))?;
        let output = process::run(&mut self.qemu(&initrd), self.limits)?;
        verdict::parse(&output.out()).ok_or_else(|| Error::NoVerdict {
            release: self.kernel.release,
            said: process::tail(&[output.stdout, output.stderr].concat()),
        })
    }

    fn qemu(&self, initrd: &Path) -> Command {
        let (program, machine, console) = self.kernel.arch.qemu();
        let mut qemu = Command::new(program);
        qemu.args(["-M", machine, "-accel", "tcg", "-cpu", "max"])
            .args(["-m", &self.memory.to_string()])
            .args(["-nodefaults", "-no-user-config", "-no-reboot"])
            .args(["-display", "none", "-serial", "stdio"])
            .arg("-kernel")
            .arg(&self.kernel.image)
            .arg("-initrd")
            .arg(initrd)
            .arg("-append")
            .arg(format!("console={console} panic=-1 quiet"));
        qemu
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(arch: Arch) -> Guest {
        let kernel = Kernel {
            release: "6.12".into(),
            arch,
            image: "/boot/vmlinuz".into(),
            modules: "/no/such/folder".into(),
        };
        Guest::new(kernel, "/no/such/busybox")
    }

    fn line(arch: Arch) -> String {
        let qemu = guest(arch).memory(256).qemu(Path::new("/tmp/initrd"));
        let words = std::iter::once(qemu.get_program()).chain(qemu.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn guests_are_emulated_and_speak_through_their_machines_serial_console() {
        for (arch, program, console) in [
            (Arch::X86_64, "qemu-system-x86_64 -M pc ", "console=ttyS0 "),
            (
                Arch::Arm64,
                "qemu-system-aarch64 -M virt ",
                "console=ttyAMA0 ",
            ),
        ] {
            let line = line(arch);
            assert!(line.starts_with(program), "{line}");
            for part in ["-accel tcg", "-m 256", "-kernel /boot/vmlinuz", console] {
                assert!(line.contains(part), "no {part}: {line}");
            }
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_that_names_it() {
        let error = guest(Arch::X86_64).run().unwrap_err().to_string();
        assert!(error.starts_with("/no/such/busybox: "), "{error}");
    }
}
