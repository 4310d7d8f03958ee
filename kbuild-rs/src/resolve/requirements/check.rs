//! Compares a requirement with a kernel.

use std::path::PathBuf;

use super::grammar::Check;
use crate::Kernel;
use crate::error::Advice;
use crate::error::names::{KERNEL, SYMVERS};
use crate::kernel::Symvers;
use crate::syntax::shell_quote;

/// The difference between a kernel and a requirement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// The value of the kernel, as a sentence without its end.
    pub(super) found: String,
    pub(super) advice: Advice,
}

/// The exported symbols that a build can use.
pub(super) enum Exports {
    /// The kernel's and the providers'.
    Known(Vec<Symvers>),
    /// The kernel tree has no symvers.
    Unknown,
}

impl Exports {
    /// The symbols of a kernel and of these providers. A file that cannot be read exports nothing: the
    /// build reports it.
    pub(super) fn of(kernel: &Kernel, providers: &[PathBuf]) -> Exports {
        let Some(own) = kernel.symvers() else {
            return Exports::Unknown;
        };
        let files = std::iter::once(&own).chain(providers);
        Exports::Known(files.filter_map(|file| Symvers::read(file).ok()).collect())
    }

    fn have(&self, name: &str) -> bool {
        match self {
            Exports::Known(all) => all.iter().any(|symvers| symvers.find(name).is_some()),
            Exports::Unknown => false,
        }
    }
}

/// What of a kernel differs from a check; `None` if the kernel meets it.
pub(super) fn difference(check: &Check, kernel: &Kernel, exports: &Exports) -> Option<Difference> {
    match check {
        Check::Config(name, is_on) => of_config(name, *is_on, kernel),
        Check::Kernel(_) => of_version(check, kernel),
        Check::Arch(words) => of_arch(words, kernel),
        Check::Symbol(name) => of_symbol(name, kernel, exports),
    }
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

fn of_symbol(name: &str, kernel: &Kernel, exports: &Exports) -> Option<Difference> {
    if exports.have(name) {
        return None;
    }
    let dir = kernel.dir();
    let (found, remedy) = match exports {
        Exports::Unknown => (
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
        Exports::Known(_) => (
            "neither the kernel nor a provider exports it".to_owned(),
            format!(
                "use a kernel that exports it, or name the symvers of the module that exports it \
                 ({SYMVERS})"
            ),
        ),
    };
    Some(Difference {
        found,
        advice: Advice::new("required-symbol", remedy),
    })
}
