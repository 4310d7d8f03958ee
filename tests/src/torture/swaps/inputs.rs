//! The inputs of a build that are exchanged, and the ways in which that happens.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::Result;
use crate::random::Random;
use crate::torture::files::{at, remove, set_age, write, write_program};

/// An input with two states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// `kernel` leads to another kernel's tree.
    Kernel,
    /// A header in the kernel tree.
    KernelHeader,
    /// A symbol of the kernel's configuration.
    Symbol,
    /// The include folder leads to another folder.
    Include,
    /// A header in the include folder.
    Header,
    /// A source.
    Source,
    /// The Kbuild.
    Kbuild,
    /// The compiler.
    Compiler,
    /// make. The bytes do not depend on it.
    Make,
}

pub(super) const INPUTS: [Input; 9] = [
    Input::Kernel,
    Input::KernelHeader,
    Input::Symbol,
    Input::Include,
    Input::Header,
    Input::Source,
    Input::Kbuild,
    Input::Compiler,
    Input::Make,
];

/// How a file gets its other state.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// It is written in place.
    InPlace,
    /// Another file takes its place.
    Renamed,
    /// As in place, and its time becomes this old, as for the files of a package.
    Old(u64),
    /// As renamed, and its time becomes this old.
    RenamedOld(u64),
}

/// The state of each of [`INPUTS`].
pub(super) type States = [bool; INPUTS.len()];

/// Lets a link lead elsewhere, in one step.
pub(super) fn lead(link: &Path, to: &Path) -> Result<()> {
    let draft = link.with_extension("draft");
    remove(&draft)?;
    symlink(to, &draft).map_err(at(&draft))?;
    fs::rename(&draft, link).map_err(at(link))
}

/// Gives a file another text.
pub(super) fn put(path: &Path, text: &str, way: Way) -> Result<()> {
    let to = match way {
        Way::InPlace | Way::Old(_) => path.to_owned(),
        Way::Renamed | Way::RenamedOld(_) => path.with_extension("draft"),
    };
    if path.parent().is_some_and(|folder| folder.ends_with("bin")) {
        // A script that is being written cannot be started.
        let to = path.with_extension("draft");
        write_program(&to, text)?;
        return fs::rename(&to, path).map_err(at(path));
    }
    write(&to, text)?;
    if let Way::Old(age) | Way::RenamedOld(age) = way {
        set_age(&to, age)?;
    }
    match to == path {
        true => Ok(()),
        false => fs::rename(&to, path).map_err(at(path)),
    }
}

pub(super) fn way(random: &mut Random) -> Way {
    let age = 86_400 * (1 + random.below(2000));
    *random.pick(&[
        Way::InPlace,
        Way::Renamed,
        Way::Old(age),
        Way::RenamedOld(age),
    ])
}
