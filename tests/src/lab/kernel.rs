//! A kernel of the lab: its place, and how to build against it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_vm::{Arch, Firmware, Guest};

use super::machine::Machine;
use super::{compiler, kernel_source, own};
use crate::Result;

/// Change this if folders of an older lab do not fit any more.
pub(super) const LAYOUT: &str = "2";

/// A kernel that modules can be built for and that can be booted with them.
#[derive(Clone, Debug)]
pub struct LabKernel {
    /// Its name in the lab, one of [`ALL`](super::ALL); on Ubuntu `generic`.
    pub name: &'static str,
    /// The output of `uname -r` in it.
    pub release: String,
    /// The argument of `make -C`.
    pub kdir: PathBuf,
    /// The other half of the split headers, which all flavours share.
    pub common: PathBuf,
    /// The bootable image.
    pub vmlinuz: PathBuf,
    /// The same kernel, decompressed, if it can be booted without its own decompressor. An emulated
    /// machine spends more time in the decompressor than in the rest of the boot.
    pub vmlinux: Option<PathBuf>,
    /// `…/lib/modules/<release>`: `build`, `source`, and the image's own modules that the tests
    /// load, decompressed, with a `modules.dep` of only these.
    pub modules: PathBuf,
    /// The compiler to use if the kernel's own is not on this machine.
    pub cc: Option<String>,
    /// The machine in which its tools run, if it is not this one: see
    /// [`command`](LabKernel::command).
    pub machine: Option<Machine>,
    /// The architecture by the kernel's own name: `x86`, `arm64`.
    pub arch: &'static str,
    /// The variables of plain make besides the compiler: `LLVM=-19`, `ARCH=arm64`.
    pub variables: &'static [&'static str],
    /// The Rust compiler that the kernel was built with, if it has Rust.
    pub rustc: Option<PathBuf>,
}

/// The tools that a kernel needs and does not contain.
#[derive(Clone, Default)]
pub(super) struct Tools {
    pub(super) machine: Option<Machine>,
    pub(super) rustc: Option<PathBuf>,
}

impl LabKernel {
    /// The kernel in `prefix`, if this version of the lab prepared one there.
    pub(super) fn load(name: &'static str, prefix: &Path, tools: Tools) -> Option<LabKernel> {
        let own = own::find(name);
        let state = fs::read_to_string(prefix.join("lab")).ok()?;
        let mut lines = state.lines();
        // The headers contain their own absolute path, so a moved cache is not usable.
        if lines.next()? != own.map_or(LAYOUT, |_| own::LAYOUT)
            || Path::new(lines.next()?) != prefix
        {
            return None;
        }
        let release = lines.next()?.to_owned();
        let kdir = prefix
            .join("usr/src")
            .join(format!("linux-headers-{release}"));
        let common = prefix.join("usr/src").join(lines.next()?);
        if own.is_some() && !kernel_source::is_of(&common, &release) {
            return None;
        }
        let boot = prefix.join("boot");
        let cc = match tools.machine {
            Some(_) => None,
            None => compiler::missing(&kdir),
        };
        Some(LabKernel {
            name,
            common,
            vmlinuz: boot.join(format!("vmlinuz-{release}")),
            vmlinux: Some(boot.join(format!("vmlinux-{release}"))).filter(|path| path.exists()),
            modules: prefix.join("lib/modules").join(&release),
            kdir,
            release,
            cc,
            machine: tools.machine,
            arch: own.map_or("x86", |own| own.arch),
            variables: own.map_or(&[], |own| own.variables),
            rustc: tools.rustc,
        })
    }

    /// A command in the place of this kernel's tools: on this machine, or in the machine with its
    /// compiler ([`debian13`](super::debian13)). Paths, environment, working directory, signals and
    /// exit status are the same in both.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        match &self.machine {
            Some(machine) => machine.command(program),
            None => Command::new(program),
        }
    }

    /// A guest that boots it.
    ///
    /// # Errors
    /// If there is no busybox for its processor: packages are missing, or no mirror has it.
    pub fn guest(&self) -> Result<Guest> {
        self.guest_of(self.vmlinux.as_ref().unwrap_or(&self.vmlinuz))
    }

    /// A guest that boots it through UEFI, with the keys in its `db`.
    ///
    /// # Errors
    /// As [`guest`](LabKernel::guest).
    pub fn guest_with(&self, firmware: Firmware) -> Result<Guest> {
        Ok(self.guest_of(&self.vmlinuz)?.firmware(firmware))
    }

    fn guest_of(&self, image: &Path) -> Result<Guest> {
        let kernel = kbuild_vm::Kernel {
            release: self.release.clone(),
            arch: match self.arch {
                "arm64" => Arch::Arm64,
                _ => Arch::X86_64,
            },
            image: image.to_owned(),
            modules: self.modules.clone(),
        };
        Ok(Guest::new(kernel, super::busybox(self.arch)?))
    }

    /// The name of the compiler for its modules on this machine.
    pub fn compiler(&self) -> String {
        if let Some(cc) = &self.cc {
            return cc.clone();
        }
        let suffix = self.variables.iter().find_map(|v| v.strip_prefix("LLVM="));
        match suffix {
            Some(suffix) => format!("clang{suffix}"),
            None => compiler::own(&self.kdir),
        }
    }

    /// Plain `make -C KDIR M=module`, with the compiler of this machine and without the caller's
    /// variables that kbuild would read.
    pub fn plain_make(&self, module: &Path) -> Command {
        let mut make = self.command("make");
        let mut assignment = OsString::from("M=");
        assignment.push(module);
        make.env_clear();
        for name in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                make.env(name, value);
            }
        }
        make.env("LC_ALL", "C")
            .arg("-C")
            .arg(&self.kdir)
            .arg(assignment);
        make.args(self.variables);
        make.args(self.cc.iter().map(|cc| format!("CC={cc}")));
        if let Some(rustc) = &self.rustc {
            let mut assignment = OsString::from("RUSTC=");
            assignment.push(rustc);
            make.arg(assignment);
        }
        make
    }
}
