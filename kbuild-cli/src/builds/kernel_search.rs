//! Finds the kernel trees of this machine, and the one that `build` takes without `--kernel`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use kbuild::{Build, Installed, Kernel, Message};

/// All trees, and the one that `KDIR` names.
pub(crate) fn installed() -> Vec<Installed> {
    let mut installed = Kernel::installed();
    if let Some(dir) = kdir() {
        add(&mut installed, dir);
    }
    installed
}

/// The value of `KDIR`, unless it is empty.
pub(crate) fn kdir() -> Option<OsString> {
    env::var_os("KDIR").filter(|dir| !dir.is_empty())
}

/// Adds a tree if it is not in the list.
fn add(installed: &mut Vec<Installed>, dir: OsString) {
    // `build` reads the value in the same way: a path, or a release.
    let kernel = named(&dir);
    let known = match &kernel {
        Ok(kernel) => kernel.dir().to_owned(),
        Err(_) => PathBuf::from(dir),
    };
    if !installed.iter().any(|other| other.dir == known) {
        let release = kernel.as_ref().map_or("", Kernel::release).to_owned();
        installed.push(Installed {
            dir: known,
            release,
            kernel,
        });
    }
}

/// The kernel at this path or of this release. Only a path may not be UTF-8.
pub(crate) fn named(name: &OsStr) -> kbuild::Result<Kernel> {
    match name.to_str() {
        Some(text) => Kernel::find(text),
        None => Kernel::open(name),
    }
}

/// The kernel that `build --kernel` takes for an architecture.
pub(crate) fn named_for(arch: Option<&str>, name: &OsStr) -> kbuild::Result<Kernel> {
    silent_build(arch).kernel(name).find_kernel()
}

/// The kernel that `build` takes without `--kernel`, and a note if it is not the running one.
pub(crate) fn default(arch: Option<&str>) -> (kbuild::Result<Kernel>, Option<String>) {
    let note = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&note);
    let mut build = silent_build(arch);
    build.on_message(move |message| {
        if let Message::Note { text } = message {
            let mut heard = heard.lock().unwrap_or_else(|p| p.into_inner());
            *heard = Some((*text).to_owned());
        }
    });
    let kernel = build.find_kernel();
    let mut note = note.lock().unwrap_or_else(|p| p.into_inner());
    (kernel, note.take())
}

fn silent_build(arch: Option<&str>) -> Build {
    let mut build = Build::new();
    build.cargo_metadata(false).on_message(|_| {});
    if let Some(arch) = arch {
        build.arch(arch);
    }
    build
}
