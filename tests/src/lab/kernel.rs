//! A kernel of the lab: where it lies, and how it is built against.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_vm::{Arch, Guest};

use super::machine::Machine;
use super::{compiler, kernel_source, own};
use crate::Result;

/// Changes when folders made by an older lab are no longer what this one expects.
pub(super) const LAYOUT: &str = "2";

/// A kernel that modules can be built against and that can be booted with them.
#[derive(Clone, Debug)]
pub struct LabKernel {
    /// Its name in the lab, one of [`ALL`](super::ALL); on Ubuntu `generic`.
    pub name: &'static str,
    /// What `uname -r` says in it.
    pub release: String,
    /// What `make -C` takes.
    pub kdir: PathBuf,
    /// The other half of the split headers: the part that all flavours share.
    pub common: PathBuf,
    /// The bootable image.
    pub vmlinuz: PathBuf,
    /// The same kernel, decompressed, where it can be booted without its own decompressor: an
    /// emulated machine spends longer in that than in all the rest of its boot.
    pub vmlinux: Option<PathBuf>,
    /// `…/lib/modules/<release>`: `build`, `source`, and those of the image's own modules that
    /// the tests load, decompressed, with a `modules.dep` of just them.
    pub modules: PathBuf,
    /// The compiler to ask for where the kernel's own is not on this machine.
    pub cc: Option<String>,
    /// Where its tools run, where that is not this machine: see [`command`](LabKernel::command).
    pub machine: Option<Machine>,
    /// As the kernel's own Makefile calls it: `x86`, `arm64`.
    pub arch: &'static str,
    /// What plain make has to be told beside the compiler: `LLVM=-19`, `ARCH=arm64`.
    pub variables: &'static [&'static str],
    /// The Rust compiler that the kernel was built with, where it has Rust.
    pub rustc: Option<PathBuf>,
}

/// What a kernel is built against with and is not part of it.
#[derive(Clone, Default)]
pub(super) struct Tools {
    pub(super) machine: Option<Machine>,
    pub(super) rustc: Option<PathBuf>,
}

impl LabKernel {
    /// The kernel in `prefix`, where one was prepared there by this version of the lab.
    pub(super) fn load(name: &'static str, prefix: &Path, tools: Tools) -> Option<LabKernel> {
        let own = own::find(name);
        let state = fs::read_to_string(prefix.join("lab")).ok()?;
        let mut lines = state.lines();
        // The headers hold their own absolute path: a moved cache is not usable.
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

    /// A command that runs where this kernel's tools do: on this machine, or in the one that has
    /// its compiler ([`debian13`](super::debian13)). Paths, environment, working directory,
    /// signals and exit status are the same in both.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        match &self.machine {
            Some(machine) => machine.command(program),
            None => Command::new(program),
        }
    }

    /// A guest that boots it.
    ///
    /// # Errors
    /// No busybox for its processor: missing packages, no mirror that has it.
    pub fn guest(&self) -> Result<Guest> {
        let kernel = kbuild_vm::Kernel {
            release: self.release.clone(),
            arch: match self.arch {
                "arm64" => Arch::Arm64,
                _ => Arch::X86_64,
            },
            image: self.vmlinux.as_ref().unwrap_or(&self.vmlinuz).clone(),
            modules: self.modules.clone(),
        };
        Ok(Guest::new(kernel, super::busybox(self.arch)?))
    }

    /// The name of the compiler that modules for it are built with here.
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

    /// Plain `make -C KDIR M=module`, with the compiler that is here and nothing of the caller's
    /// environment that kbuild would listen to.
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
