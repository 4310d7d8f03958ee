//! Compares a requirement with a kernel.

use std::path::PathBuf;

use super::super::inputs::read_provider;
use super::grammar::Check;
use crate::error::Advice;
use crate::error::names::{KERNEL, SYMVERS};
use crate::kernel::Symvers;
use crate::syntax::shell_quote;
use crate::{Kernel, Result};

/// The difference between a kernel and a requirement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// The value of the kernel, as a sentence without its end.
    pub(super) found: String,
    pub(super) advice: Advice,
}

/// The exported symbols that a build can use.
#[derive(Default)]
pub(super) struct Exports {
    providers: Vec<Result<Symvers>>,
    /// The kernel's; `None` if its tree has no symvers.
    own: Option<Result<Symvers>>,
}

impl Exports {
    /// The symbols of a kernel and of these providers.
    pub(super) fn of(kernel: &Kernel, providers: &[PathBuf]) -> Exports {
        let providers = providers.iter().map(|file| read_provider(file, file));
        let own = kernel.symvers();
        Exports {
            providers: providers.collect(),
            own: own.map(|file| Symvers::read_unchecked(&file)),
        }
    }

    /// Whether one of the files exports a symbol. Only files that were all read and are valid can
    /// deny it, so a file that is not is an error then.
    fn have(&mut self, name: &str) -> Result<bool> {
        let mut read = self.providers.iter().chain(&self.own).flatten();
        if read.any(|symvers| symvers.find(name).is_some()) {
            return Ok(true);
        }
        let broken = self.providers.iter().position(Result::is_err);
        if let Some(broken) = broken {
            self.providers.swap_remove(broken)?;
        }
        match self.own.take() {
            None => {}
            Some(own) => {
                let own = own?;
                own.check_lines()?;
                self.own = Some(Ok(own));
            }
        }
        Ok(false)
    }
}

/// What of a kernel differs from a check; `None` if the kernel meets it. After an error, the exports
/// are incomplete.
pub(super) fn difference(
    check: &Check,
    kernel: &Kernel,
    exports: &mut Exports,
) -> Result<Option<Difference>> {
    Ok(match check {
        Check::Config(name, is_on) => of_config(name, *is_on, kernel),
        Check::Kernel(_) => of_version(check, kernel),
        Check::Arch(words) => of_arch(words, kernel),
        Check::Symbol(name) => match exports.have(name)? {
            true => None,
            false => Some(of_symbol(kernel, exports.own.is_some())),
        },
    })
}

fn of_config(name: &str, is_on: bool, kernel: &Kernel) -> Option<Difference> {
    if kernel.is_enabled(name) == is_on {
        return None;
    }
    let found = match kernel.config(name) {
        None => format!("CONFIG_{name} is not set"),
        Some(value @ ("y" | "m")) => format!("CONFIG_{name} is {value}"),
        Some(value) => format!("CONFIG_{name} is {value:?}, which is neither y nor m"),
    };
    let remedy = match is_on {
        true => format!(
            "use a kernel with CONFIG_{name}=y or CONFIG_{name}=m, or build this kernel again with it"
        ),
        false => {
            format!("use a kernel without CONFIG_{name}, or build this kernel again without it")
        }
    };
    Some(Difference {
        found,
        advice: Advice::new("required-config", remedy),
    })
}

fn of_version(check: &Check, kernel: &Kernel) -> Option<Difference> {
    let Check::Kernel(bounds) = check else {
        return None;
    };
    let number = kernel.number();
    let missed = bounds.iter().find(|bound| !bound.holds(number))?;
    let [major, minor, patch] = number;
    let kind = match missed.wants_newer(number) {
        true => "a newer",
        false => "an older",
    };
    Some(Difference {
        found: format!("the kernel is {major}.{minor}.{patch}"),
        advice: Advice::new(
            "required-kernel-version",
            format!("use {kind} kernel, {check} ({KERNEL})"),
        ),
    })
}

fn of_arch(words: &[String], kernel: &Kernel) -> Option<Difference> {
    if words
        .iter()
        .any(|word| kernel.check_arch(Some(word), None).is_ok())
    {
        return None;
    }
    let bits = match kernel.is_enabled("64BIT") {
        true => 64,
        false => 32,
    };
    Some(Difference {
        found: format!("the kernel is for {} ({bits} bits)", kernel.arch()),
        advice: Advice::new(
            "required-arch",
            format!("use a kernel for {} ({KERNEL})", words.join(" or ")),
        ),
    })
}

/// A symbol that nobody exports, as far as is known.
fn of_symbol(kernel: &Kernel, is_known: bool) -> Difference {
    let dir = kernel.dir();
    let (found, remedy) = match is_known {
        false => (
            format!(
                "{} has no Module.symvers, so its symbols are unknown",
                dir.display()
            ),
            format!(
                "use headers with a Module.symvers, copy the one of that kernel's build there, or build \
                 the kernel:\n    make -C {} modules",
                shell_quote(dir.as_os_str())
            ),
        ),
        true => (
            "neither the kernel nor a provider exports it".to_owned(),
            format!(
                "use a kernel that exports it, or name the symvers of the module that exports it \
                 ({SYMVERS})"
            ),
        ),
    };
    Difference {
        found,
        advice: Advice::new("required-symbol", remedy),
    }
}
