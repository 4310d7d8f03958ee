//! Names of variables: their owners, and the values that they may have.
//!
//! make passes on any value intact (see [`escape_value`](crate::syntax::escape_value)). Its effect
//! then depends on the name. A tree's Makefiles decide where the tree's own variables go. kbuild's
//! own variables hold commands, functions and paths, and kbuild would run a value given for one of
//! them. Two sources tell them apart: the lists here, with reasons, and the variables that the
//! kernel's makefiles set themselves. So a new variable of a future kernel is refused too.

mod lists;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::env::check_value;
use super::kernel_names::KernelNames;
use super::placeholders::instead;
use crate::{Error, Kernel, Result};
use lists::{FLAGS, LOADER, REFUSED, REFUSED_STARTS, SHARED, TARGETS, WORDS};

/// The allowed values of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// No value: the caller may not set the name, for this reason.
    Refused(&'static str),
    /// Words that a shell only splits, in quotes or not.
    Words,
    /// The same, for words that kbuild turns into rules: no word may be an assignment in a rule.
    Targets,
    /// The same, and other characters of compiler flags in quotes.
    Flags,
    /// Any value: no makefile of the kernel reads it.
    Own,
}

/// The use of a variable, if it does not depend on the kernel.
fn fixed(name: &str) -> Option<Use> {
    let is_in = |names: &[&str]| names.contains(&name);
    let begins = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    let exact = REFUSED.iter().find(|(_, names)| is_in(names));
    if let Some((why, _)) = exact {
        return Some(Use::Refused(why));
    }
    if is_in(WORDS) {
        return Some(Use::Words);
    }
    if is_in(TARGETS) {
        return Some(Use::Targets);
    }
    if is_in(FLAGS) {
        return Some(Use::Flags);
    }
    if is_in(SHARED) {
        return Some(Use::Own);
    }
    let start = REFUSED_STARTS.iter().find(|(_, starts)| begins(starts));
    if let Some((why, _)) = start {
        return Some(Use::Refused(why));
    }
    if begins(&["CONFIG_", "INSTALL_", "HOSTLDLIBS"]) {
        return Some(Use::Words);
    }
    // `KCFLAGS`, `CFLAGS_hello.o`, `MODULE_CFLAGS`.
    name.contains("FLAGS").then_some(Use::Flags)
}

/// The use of make's variables for one kernel.
pub(crate) struct Names<'a> {
    kernel: &'a Kernel,
    /// Only read if the lists lack a name.
    of_kernel: OnceCell<KernelNames>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(kernel: &'a Kernel) -> Self {
        Names {
            kernel,
            of_kernel: OnceCell::new(),
        }
    }

    /// Refuses a variable of make's command line that belongs to kbuild, or whose value kbuild
    /// would run.
    pub(crate) fn check_variable(&self, name: &str, value: &OsStr) -> Result<()> {
        if !is_plain(name) {
            return Err(Error::input(format!(
                "{name:?} is not the name of a make variable (letters, digits, _ - . and no digit \
                 first)"
            )));
        }
        match fixed(name) {
            Some(known) => check(name, value, known),
            None => {
                let of_kernel = self.of_kernel();
                if let Some(makefile) = of_kernel.set_by(name) {
                    return Err(Error::input(format!(
                        "{name} is kbuild's own: {} sets it. Give the variable another name, or \
                         set it in the Makefile that reads it",
                        makefile.display()
                    )));
                }
                check(name, value, of_kernel.other_use(name))
            }
        }
    }

    /// As [`check_variable`](Self::check_variable), for a variable of the environment: an
    /// assignment in a makefile wins over it.
    pub(crate) fn check_environment(&self, name: &OsStr, value: &OsStr) -> Result<()> {
        let Some(name) = name.to_str().filter(|name| is_plain(name)) else {
            return Err(Error::input(format!(
                "{name:?} is not the name of an environment variable that make passes on \
                 (letters, digits, _ - . and no digit first)"
            )));
        };
        let known = fixed(name).unwrap_or_else(|| match self.of_kernel().set_by(name) {
            Some(_) => Use::Words,
            None => self.of_kernel().other_use(name),
        });
        let known = match known {
            // These are for programs. make does not take its shell from the environment.
            Use::Refused(LOADER) => Use::Own,
            _ if name == "SHELL" => Use::Own,
            known => known,
        };
        if let Use::Refused(_) = known {
            return check(name, value, known);
        }
        check_value(OsStr::new(name), value, true)?;
        check(name, value, known)
    }

    fn of_kernel(&self) -> &KernelNames {
        self.of_kernel
            .get_or_init(|| KernelNames::read(self.kernel))
    }
}

impl KernelNames {
    /// The use of a name that no makefile of the kernel sets.
    fn other_use(&self, name: &str) -> Use {
        const OBJECTS: &[&str] = &["-y", "-m", "-objs", "-cxxobjs"];
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if name.to_ascii_uppercase().contains("FLAGS") {
            Use::Flags
        } else if ends(OBJECTS) {
            Use::Targets
        } else if name.starts_with("KBUILD_") || self.uses(name) {
            Use::Words
        } else {
            Use::Own
        }
    }
}

/// Whether make reads this as the name of a variable and nothing else.
fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    chars.next().is_some_and(starts)
        && chars.all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

fn check(name: &str, value: &OsStr, meaning: Use) -> Result<()> {
    match meaning {
        Use::Refused(why) => Err(Error::input(format!("{name} {why}"))),
        Use::Words => check_words(name, value, false),
        Use::Targets => check_words(name, value, false).and_then(|()| check_targets(name, value)),
        Use::Flags => check_words(name, value, true),
        Use::Own => Ok(()),
    }
}

/// Refuses a value if a shell would do more with it than split it into words. kbuild puts some
/// values into its own quotes, and quotes in the value then have the opposite effect. So without
/// `quotes`, a special character of the shell is refused in quotes too. `$` and the backtick are
/// always refused. make expands `$` again when it passes the value on, and quotes do not always
/// protect a backtick.
fn check_words(name: &str, value: &OsStr, quotes: bool) -> Result<()> {
    let mut quote = None;
    let mut bytes = value.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        let is_special = |byte: &u8| b";&|<>()#".contains(byte);
        let bad = match (quote, byte) {
            (_, b'`' | b'$') => true,
            (_, byte) if !quotes && is_special(&byte) => true,
            (Some(open), _) if byte == open => {
                quote = None;
                false
            }
            (Some(b'\''), _) => false,
            (_, b'\\') => bytes
                .next()
                .is_none_or(|next| b"`$".contains(next) || (!quotes && is_special(next))),
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                false
            }
            (None, _) => is_special(&byte),
            _ => false,
        };
        if bad {
            let advice = match instead(value) {
                Some(placeholder) if byte == b'$' => format!("write {placeholder}"),
                _ if quotes && is_special(&byte) => {
                    "remove it, or quote it as in a shell".to_owned()
                }
                _ => "remove it".to_owned(),
            };
            return Err(Error::input(format!(
                "kbuild puts the value of {name} into a shell command. {:?} in {value:?} is \
                 special there: {advice}",
                char::from(byte),
            )));
        }
    }
    match quote {
        None => Ok(()),
        Some(open) => Err(Error::input(format!(
            "kbuild puts the value of {name} into a shell command. {value:?} opens a {} and does \
             not close it: add the closing quote, or remove the opening one",
            char::from(open)
        ))),
    }
}

/// Refuses `hello.o:SHELL=/x`, which sets a variable of that target in a rule.
fn check_targets(name: &str, value: &OsStr) -> Result<()> {
    let mut bytes = value.as_bytes().iter();
    match bytes.find(|byte| b":=".contains(byte)) {
        None => Ok(()),
        Some(byte) => Err(Error::input(format!(
            "kbuild uses each word of {name} as a make target. {:?} in {value:?} has a special \
             meaning in a target: remove it",
            char::from(*byte)
        ))),
    }
}
