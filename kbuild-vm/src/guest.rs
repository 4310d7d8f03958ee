//! A virtual machine that boots a lab kernel, runs one script and says how it went.
//!
//! Always emulated (`-accel tcg`): a KVM device can be there and yet hang every guest.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::LabKernel;
use super::cpio::Archive;
use crate::{Limits, Result, run};

/// First process of the guest. What the kernel said before the script is cleared, so that
/// `dmesg` in the script (and the log at the end) begins with the script's own doing.
const INIT: &str = r#"#!/bin/busybox sh
export PATH=/bin HOME=/
/bin/busybox mkdir -p /proc /sys /dev /tmp /run
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
dmesg -c >/dev/null
cd /
echo "@lab begin"
if sh /load-deps; then sh /script; rc=$?; else rc=250; fi
# Messages of the kernel must not fall between the characters of the verdict.
dmesg -n 1
echo
echo "@lab log"
dmesg
echo "@lab verdict $rc"
# Sets nothing of use, but waits until all is written.
stty -F /dev/console sane 2>/dev/null
reboot -f
"#;

/// A guest in the making.
#[derive(Clone, Debug)]
pub struct Guest {
    kernel: LabKernel,
    files: Vec<(String, PathBuf)>,
    trees: Vec<PathBuf>,
    dependencies: Vec<String>,
    script: String,
    limits: Limits,
}

/// What the guest said.
#[derive(Clone, Debug)]
pub struct Console {
    /// What the script printed (with the errors that the kernel put between), without `\r`.
    pub text: String,
    /// The kernel's log since the script began.
    pub log: String,
    /// The script's exit code; 250 when a module of [`Guest::module_dependencies`] did not load.
    pub code: i32,
    /// Whether the script's exit code was 0.
    pub ok: bool,
}

impl Guest {
    /// A guest that boots `kernel`, with 512 MiB and 60 s of time on an idle machine.
    pub fn new(kernel: &LabKernel) -> Guest {
        Guest {
            kernel: kernel.clone(),
            files: Vec::new(),
            trees: Vec::new(),
            dependencies: Vec::new(),
            script: String::new(),
            limits: Duration::from_secs(60).into(),
        }
    }

    /// Puts a file of the host into the guest; it keeps its permission bits.
    #[must_use]
    pub fn file(mut self, guest_path: impl Into<String>, host_path: impl AsRef<Path>) -> Guest {
        self.files
            .push((guest_path.into(), host_path.as_ref().to_path_buf()));
        self
    }

    /// Puts all that lies below a folder of the host into the guest, where the folder is `/`.
    #[must_use]
    pub fn tree(mut self, folder: impl AsRef<Path>) -> Guest {
        self.trees.push(folder.as_ref().to_path_buf());
        self
    }

    /// Loads modules of the kernel's own image, and what they stand on, before the script runs.
    /// What is built into the kernel may be named too.
    #[must_use]
    pub fn module_dependencies(mut self, names: &[&str]) -> Guest {
        self.dependencies
            .extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    /// What to run: shell lines for busybox, as root, in `/`.
    #[must_use]
    pub fn script(mut self, script: impl Into<String>) -> Guest {
        self.script = script.into();
        self
    }

    /// How long boot and script together may take.
    #[must_use]
    pub fn timeout(mut self, limits: impl Into<Limits>) -> Guest {
        self.limits = limits.into();
        self
    }

    /// Boots, runs the script, and ends the guest.
    ///
    /// # Errors
    /// A file that cannot be read, a kernel that panicked, a guest that ended without a verdict
    /// or not in time: with the last lines of its console. A script that fails is no error here:
    /// see [`Console::ok`].
    pub fn run(self) -> Result<Console> {
        let folder =
            tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let initrd = folder.path().join("initrd");
        fs::write(&initrd, self.initrd()?).map_err(|error| format!("{initrd:?}: {error}"))?;
        let (program, machine, console) = match self.kernel.arch {
            "arm64" => ("qemu-system-aarch64", "virt", "ttyAMA0"),
            _ => ("qemu-system-x86_64", "pc", "ttyS0"),
        };
        let mut qemu = Command::new(program);
        qemu.args(["-M", machine, "-accel", "tcg", "-cpu", "max", "-m", "512"])
            .args([
                "-nodefaults",
                "-no-user-config",
                "-display",
                "none",
                "-no-reboot",
            ])
            .args(["-serial", "stdio", "-kernel"])
            .arg(self.kernel.vmlinux.as_ref().unwrap_or(&self.kernel.vmlinuz))
            .arg("-initrd")
            .arg(&initrd)
            .arg("-append")
            .arg(format!("console={console} panic=-1 quiet"));
        let about = |error: String| format!("guest of {}: {error}", self.kernel.release);
        let output = run::run(&mut qemu, self.limits).map_err(about)?;
        verdict(&output.out()).ok_or_else(|| {
            let said = [output.stdout, output.stderr].concat();
            about(format!(
                "it ended without a verdict; its console:\n{}",
                run::tail(&said)
            ))
        })
    }

    fn initrd(&self) -> Result<Vec<u8>> {
        let mut archive = Archive::default();
        // init's own input and output.
        archive.device("dev/console", 5, 1);
        archive.file("init", 0o755, INIT.as_bytes());
        archive.file(
            "bin/busybox",
            0o755,
            &read(&super::busybox(self.kernel.arch)?)?.1,
        );
        let mut load = String::new();
        for path in self.load_order()? {
            let guest = format!("/lib/modules/{}/{path}", self.kernel.release);
            let (mode, content) = read(&self.kernel.modules.join(&path))?;
            archive.file(&guest, mode, &content);
            load.push_str(&format!("insmod {guest} || exit 1\n"));
        }
        archive.file("load-deps", 0o644, load.as_bytes());
        archive.file("script", 0o644, self.script.as_bytes());
        let mut files = self.files.clone();
        for tree in &self.trees {
            below(tree, "", &mut files)?;
        }
        for (guest, host) in &files {
            let (mode, content) = read(host)?;
            archive.file(guest, mode, &content);
        }
        Ok(archive.finish())
    }

    fn load_order(&self) -> Result<Vec<String>> {
        let list = |name: &str| {
            let path = self.kernel.modules.join(name);
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        load_order(
            &self.dependencies,
            &list("modules.dep")?,
            &list("modules.builtin")?,
        )
        .map_err(|name| {
            format!(
                "the lab keeps no module `{name}` of {}",
                self.kernel.release
            )
        })
    }
}

/// The files to load, in order; an error is the name that is neither a module nor built in.
fn load_order(
    names: &[String],
    dep: &str,
    builtin: &str,
) -> std::result::Result<Vec<String>, String> {
    let mut order: Vec<String> = Vec::new();
    for name in names {
        let is_it = |path: &str| {
            let file = path.rsplit('/').next().unwrap_or(path);
            file.strip_suffix(".ko")
                .is_some_and(|one| one.replace('-', "_") == name.replace('-', "_"))
        };
        let mut lines = dep.lines().filter_map(|line| line.split_once(':'));
        match lines.find(|(path, _)| is_it(path)) {
            Some((path, below)) => {
                for one in below.split_whitespace().rev().chain([path]) {
                    if !order.iter().any(|known| known == one) {
                        order.push(one.to_owned());
                    }
                }
            }
            None if builtin.lines().any(is_it) => {}
            None => return Err(name.clone()),
        }
    }
    Ok(order)
}

/// The files below a folder, by their paths in the guest.
fn below(folder: &Path, at: &str, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
    let fail = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let guest = format!("{at}/{}", entry.file_name().to_string_lossy());
        match entry.file_type().map_err(fail)?.is_dir() {
            true => below(&entry.path(), &guest, files)?,
            false => files.push((guest, entry.path())),
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<(u32, Vec<u8>)> {
    let fail = |error| format!("cannot put {} into the guest: {error}", path.display());
    let mode = fs::metadata(path).map_err(fail)?.permissions().mode() & 0o777;
    Ok((mode, fs::read(path).map_err(fail)?))
}

/// Parses a console; `None` without a verdict.
fn verdict(console: &str) -> Option<Console> {
    let console = console.replace('\r', "");
    let (rest, verdict) = console.rsplit_once("@lab verdict ")?;
    let code: i32 = verdict.lines().next()?.trim().parse().ok()?;
    let (text, log) = rest.rsplit_once("\n@lab log\n")?;
    let (_, text) = text.split_once("@lab begin\n")?;
    Some(Console {
        text: text.to_owned(),
        log: log.to_owned(),
        code,
        ok: code == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_parted_into_text_log_and_verdict() {
        let console = "\x1b[2JSeaBIOS\r\n@lab begin\r\nhello\r\n\r\n@lab log\r\n[1.0] hi\r\n@lab verdict 3\r\n";
        let console = verdict(console).unwrap();
        assert_eq!(
            (console.text.as_str(), console.log.as_str()),
            ("hello\n", "[1.0] hi\n")
        );
        assert_eq!((console.code, console.ok), (3, false));
    }

    #[test]
    fn a_console_without_a_verdict_is_none() {
        assert!(verdict("@lab begin\nKernel panic - not syncing\n").is_none());
        assert!(verdict("@lab begin\n\n@lab log\n@lab verdict ").is_none());
    }

    #[test]
    fn modules_load_after_what_they_stand_on_and_once() {
        let dep = "k/videodev.ko: k/mc.ko k/core.ko\nk/mc.ko: k/core.ko\nk/usb-hid.ko: k/core.ko\n";
        let names = ["videodev", "usb_hid", "loop-thing"].map(str::to_owned);
        assert_eq!(
            load_order(&names, dep, "k/loop_thing.ko\n").unwrap(),
            ["k/core.ko", "k/mc.ko", "k/videodev.ko", "k/usb-hid.ko"]
        );
        assert_eq!(load_order(&names, dep, "").unwrap_err(), "loop-thing");
    }
}
