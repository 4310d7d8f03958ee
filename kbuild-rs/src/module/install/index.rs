//! The index files that depmod writes: `modules.dep` and its kin.
//!
//! depmod replaces them in the folder of the release, one after another. Before that, each gets a
//! second name, `.modules.dep.part`: if depmod fails, or its result is wrong, the old files come back
//! without needing space. After a kill, depmod runs again.
//!
//! depmod reads the folder of the release by an open descriptor, and the root's own configuration
//! from a copy: neither a link in the root nor the host's `/etc/depmod.d` changes the result.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::FileType;

use super::journal::State;
use super::places::Places;
use super::read_back;
use super::site::Site;
use super::step::step;
use crate::error::Advice;
use crate::module::sign::PIN;
use crate::sys::tree::part_of;
use crate::sys::{
    ChildSetup, Root, Signals, Tree, Writer, is_part, process_exists, temporary_folder, tie_child,
};
use crate::{Error, ErrorKind, Result};

const DEP: &str = "modules.dep";

/// The folders of depmod's configuration. A file in an earlier one replaces one of its name in a
/// later one.
const CONFIGURATION: &[&str] = &[
    "etc/depmod.d",
    "run/depmod.d",
    "usr/local/lib/depmod.d",
    "lib/depmod.d",
    "usr/lib/depmod.d",
];

/// Files that depmod reads besides modules.
const READ: &[&str] = &[
    "modules.order",
    "modules.builtin",
    "modules.builtin.modinfo",
];

/// Whether the release has an index: without one, its kernel is not installed.
pub(super) fn is_there(places: &Places) -> Result<bool> {
    match places.modules() {
        Some(modules) => Ok(modules.kind(Path::new(DEP))? == Some(FileType::RegularFile)),
        None => Ok(false),
    }
}

/// The text of the release's `modules.dep`.
pub(super) fn dep(places: &Places) -> Result<Option<String>> {
    let Some(modules) = places.modules() else {
        return Ok(None);
    };
    let bytes = modules.read(Path::new(DEP))?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// The command that a user runs to make the index.
pub(super) fn command(site: &Site, release: &str) -> String {
    let root = site.image.path();
    match site.is_running_system() {
        true => format!("depmod {release}"),
        false => {
            let root = crate::syntax::shell_quote(root.as_os_str());
            format!("depmod -b {root} {release}")
        }
    }
}

/// The note about a release without an index.
pub(super) fn is_missing(site: &Site, release: &str) -> String {
    format!(
        "{release} has no modules.dep, so depmod did not run. When its kernel is installed, run:\n    {}",
        command(site, release)
    )
}

/// Makes the index anew, and checks that it leads to the files of `state`. `touched` is set before
/// an index file is replaced: then [`put_back`] undoes it. The remarks are for the user. The modules
/// that `must` be right are those of this call.
pub(super) fn rebuild(
    site: &Site,
    places: &Places,
    (state, must): (&State, &BTreeSet<String>),
    touched: &mut bool,
) -> Result<Vec<String>> {
    let Some(modules) = places.modules() else {
        return Ok(Vec::new());
    };
    keep(modules)?;
    step()?;
    *touched = true;
    run(site, modules, &places.release)?;
    step()?;
    let dep = dep(places)?.unwrap_or_default();
    let remarks = read_back::check(site, places, state, &dep, must)?;
    for name in written(modules)? {
        modules.settle(Path::new(&name))?;
    }
    step()?;
    Ok(remarks)
}

/// Makes the index for the files as they are now.
pub(super) fn restore(site: &Site, places: &Places) -> Result<()> {
    match places
        .modules()
        .filter(|_| is_there(places).unwrap_or(false))
    {
        Some(modules) => run(site, modules, &places.release),
        None => Ok(()),
    }
}

/// Puts the files back that [`rebuild`] replaced.
pub(super) fn put_back(places: &Places) -> Result<()> {
    let Some(modules) = places.modules() else {
        return Ok(());
    };
    for name in written(modules)? {
        let path = Path::new(&name);
        let part = part_of(path);
        match modules.kind(&part)? {
            // depmod did not get to it, perhaps because nobody may replace it.
            Some(_) if modules.look(&part)? == modules.look(path)? => drop(modules.remove(&part)?),
            Some(_) => modules.rename(&part, path)?,
            None => drop(modules.remove(path)?),
        }
    }
    Ok(())
}

/// Removes the second names of index files, and what a depmod left that was killed.
pub(super) fn remove_parts(places: &Places) -> Result<()> {
    let Some(modules) = places.modules() else {
        return Ok(());
    };
    for name in modules.names(Path::new(""))? {
        let Some(text) = name.to_str() else {
            continue;
        };
        let is_part = text.starts_with(".modules.") && is_part(&name);
        if is_part || is_left_by_depmod(text) {
            modules.remove_file(Path::new(&name))?;
        }
    }
    Ok(())
}

/// `modules.dep.1234.1700000000.999`: the process, and the time.
fn is_left_by_depmod(name: &str) -> bool {
    let mut parts = name.rsplitn(4, '.');
    let numbers: Vec<u64> = (&mut parts)
        .take(3)
        .map_while(|part| part.parse().ok())
        .collect();
    let is_index = parts
        .next()
        .is_some_and(|rest| rest.starts_with("modules."));
    let process = numbers
        .get(2)
        .and_then(|number| u32::try_from(*number).ok());
    is_index && process.is_some_and(|process| !process_exists(process))
}

/// The index files: those of a release that its build did not make.
fn written(modules: &Tree) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for name in modules.names(Path::new(""))? {
        let Some(name) = name.to_str().filter(|name| name.starts_with("modules.")) else {
            continue;
        };
        let is_file = modules.kind(Path::new(name))? == Some(FileType::RegularFile);
        if is_file && !READ.contains(&name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Gives each index file a second name.
fn keep(modules: &Tree) -> Result<()> {
    for name in written(modules)? {
        let path = Path::new(&name);
        let part = part_of(path);
        modules.remove(&part)?;
        if modules.link_from(modules, path, &part) {
            continue;
        }
        if let Some(looks) = modules.look(path)? {
            let bytes = modules.read(path)?.unwrap_or_default();
            modules.write_like(&part, &bytes, &looks)?;
        }
    }
    Ok(())
}

/// Runs depmod.
fn run(site: &Site, modules: &Tree, release: &str) -> Result<()> {
    for name in READ {
        match modules.kind(Path::new(name))? {
            None | Some(FileType::RegularFile) => {}
            // depmod would wait for the writer of a fifo, or follow a link out of the root.
            Some(_) => return Err(modules.refused(Path::new(name), "is not a regular file")),
        }
    }
    let scratch = temporary_folder()?;
    let top = scratch.path();
    let writer = Writer::new([Root::open(top)?]);
    let descriptor = modules.descriptor().as_raw_fd();
    let target = PathBuf::from(format!("/proc/self/fd/{descriptor}"));
    for folder in ["base/lib/modules", "base/usr/lib/modules"] {
        writer.create_dirs(&top.join(folder))?;
        writer.symlink_new(&target, &top.join(folder).join(release))?;
    }
    copy_configuration(site, &writer, &top.join("depmod.d"))?;

    let program = depmod()?;
    let mut command = Command::new(&program);
    command.arg("-b").arg(top.join("base"));
    command.arg("-C").arg(top.join("depmod.d")).arg(release);
    command.env("LC_ALL", "C").env_remove(PIN);
    command.stdin(Stdio::null());
    let setup = ChildSetup {
        keep: vec![descriptor],
        ..ChildSetup::default()
    };
    tie_child(&mut command, setup);
    let output = command
        .output()
        .map_err(|e| Error::reading("run", &program, e))?;
    if !output.status.success() {
        Signals::check()?;
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(
            ErrorKind::Io,
            format!(
                "depmod failed for {release} ({}), and the change is undone. It says:\n{}",
                output.status,
                said.trim_end()
            ),
        ));
    }
    Ok(())
}

fn copy_configuration(site: &Site, writer: &Writer, to: &Path) -> Result<()> {
    let mut files: BTreeMap<OsString, Vec<u8>> = BTreeMap::new();
    for folder in CONFIGURATION {
        let Some(tree) = site.image.folder(Path::new(folder))?.map(Tree::of) else {
            continue;
        };
        for name in tree.names(Path::new(""))? {
            let is_new = !files.contains_key(&name);
            if is_new && Path::new(&name).extension().is_some_and(|e| e == "conf") {
                // A link of the root's leads to a file of the root's.
                let bytes = site.image.read(&Path::new(folder).join(&name))?;
                files.insert(name, bytes.unwrap_or_default());
            }
        }
    }
    writer.create_dirs(to)?;
    for (name, bytes) in files {
        writer.write_whole(&to.join(name), &bytes)?;
    }
    Ok(())
}

/// depmod is often not on the `PATH` of users.
fn depmod() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders = std::env::split_paths(&path).chain(usual);
    let mut programs = folders.map(|folder| folder.join("depmod"));
    programs
        .find(|program| program.is_absolute() && program.is_file())
        .ok_or_else(|| {
            let advice = "install kmod, or run with --no-depmod";
            Error::new(
                ErrorKind::ToolNotFound,
                format!("depmod is not installed, so modprobe would not find the module: {advice}"),
            )
            .advise(Advice::new("missing-depmod", advice))
        })
}
