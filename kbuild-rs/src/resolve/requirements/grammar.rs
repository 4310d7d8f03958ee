//! The text of a requirement, the same in all front ends: `[~]CHECK[: REASON]`.
//!
//! Decisions:
//! - `~` and `!` are those of Gentoo's `CONFIG_CHECK` (linux-info.eclass). There, names have no
//!   `CONFIG_`; here both forms mean the same. `~` works for every kind of requirement.
//! - A bound compares only the numbers that it has, as Gentoo's `kernel_is` does: 6.1.192 is `<=6.1`
//!   and not `>6.1`. A bare number is refused, because Cargo, dkms and Gentoo read it in three ways.
//! - The reason follows a colon, so that a requirement is one string in a list of CMake or Meson.

use std::cmp::Ordering;
use std::fmt;

use crate::kernel::arch_of_target;
use crate::settings::RequirementKind;

/// A requirement, parsed.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::resolve) struct Parsed {
    pub(in crate::resolve) check: Check,
    pub(super) only_warns: bool,
    pub(super) reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resolve) enum Check {
    /// The name without `CONFIG_`, and whether it must be on.
    Config(String, bool),
    Kernel(Vec<Bound>),
    /// Alternatives, in the caller's words.
    Arch(Vec<String>),
    Symbol(String),
}

impl fmt::Display for Check {
    /// The usual form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::Config(name, is_on) => {
                let not = if *is_on { "" } else { "!" };
                write!(f, "{not}CONFIG_{name}")
            }
            Check::Kernel(bounds) => {
                let bounds: Vec<String> = bounds.iter().map(Bound::to_string).collect();
                f.write_str(&bounds.join(", "))
            }
            Check::Arch(words) => f.write_str(&words.join(" or ")),
            Check::Symbol(name) => f.write_str(name),
        }
    }
}

/// A limit of the kernel's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resolve) struct Bound {
    relation: &'static str,
    /// One to three numbers.
    number: Vec<u32>,
}

impl Bound {
    pub(super) fn holds(&self, kernel: [u32; 3]) -> bool {
        let order = self.order(kernel);
        match self.relation {
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            "<" => order.is_lt(),
            _ => order.is_eq(),
        }
    }

    /// Whether only a newer kernel can satisfy the bound.
    pub(super) fn wants_newer(&self, kernel: [u32; 3]) -> bool {
        match self.relation {
            ">=" | ">" => true,
            "=" => self.order(kernel).is_lt(),
            _ => false,
        }
    }

    fn order(&self, kernel: [u32; 3]) -> Ordering {
        kernel[..self.number.len().min(3)].cmp(&self.number[..])
    }

    fn parse(text: &str) -> Option<Bound> {
        const RELATIONS: [(&str, &str); 6] = [
            (">=", ">="),
            ("<=", "<="),
            ("==", "="),
            (">", ">"),
            ("<", "<"),
            ("=", "="),
        ];
        let (relation, number) = RELATIONS
            .iter()
            .find_map(|(start, relation)| Some((*relation, text.strip_prefix(start)?)))?;
        let number = number.trim().split('.').map(|part| {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| is_number)
        });
        let number: Vec<u32> = number.collect::<Option<_>>()?;
        (number.len() <= 3).then_some(Bound { relation, number })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number: Vec<String> = self.number.iter().map(u32::to_string).collect();
        write!(f, "{}{}", self.relation, number.join("."))
    }
}

/// Parses a requirement; the error says what is wrong with it.
pub(in crate::resolve) fn parse(kind: RequirementKind, text: &str) -> Result<Parsed, String> {
    // A terminal shows the text, and the files of others contain it.
    if text.chars().any(char::is_control) {
        return Err(format!("{text:?} contains a control character"));
    }
    let (check, reason) = match text.split_once(':') {
        Some((check, reason)) => (check, Some(left_to_right(reason.trim()).collect())),
        None => (text, None),
    };
    let check = check.trim();
    let (only_warns, check) = match check.strip_prefix('~') {
        Some(check) => (true, check.trim_start()),
        None => (false, check),
    };
    let check = match kind {
        RequirementKind::Config => config(check),
        RequirementKind::Kernel => kernel(check),
        RequirementKind::Arch => arch(check),
        RequirementKind::Symbol => symbol(check),
    }?;
    Ok(Parsed {
        check,
        only_warns,
        reason: reason.filter(|reason: &String| !reason.is_empty()),
    })
}

/// Text without the characters that change its direction: they show a terminal another order of words.
pub(super) fn left_to_right(text: &str) -> impl Iterator<Item = char> {
    let turns = |c: &char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(move |c| !turns(c))
}

fn config(text: &str) -> Result<Check, String> {
    let (is_on, name) = match text.strip_prefix('!') {
        Some(name) => (false, name.trim_start()),
        None => (true, text),
    };
    let name = name.strip_prefix("CONFIG_").unwrap_or(name);
    match is_word(name) {
        true => Ok(Check::Config(name.to_owned(), is_on)),
        false => Err(format!(
            "{text:?} is not a check of a configuration symbol: write CONFIG_X (it must be y or m), \
             !CONFIG_X (it must be off), ~CONFIG_X or ~!CONFIG_X (only a warning)"
        )),
    }
}

fn kernel(text: &str) -> Result<Check, String> {
    let bounds: Option<Vec<Bound>> = text
        .split(',')
        .map(|bound| Bound::parse(bound.trim()))
        .collect();
    bounds.map(Check::Kernel).ok_or_else(|| {
        format!(
            "{text:?} is not a range of kernel versions: write bounds such as \">=5.10, <7.0\", with \
             >=, >, <=, < or = and one to three numbers"
        )
    })
}

fn arch(text: &str) -> Result<Check, String> {
    match arch_of_target(text).filter(|_| is_word(text)) {
        Some(_) => Ok(Check::Arch(vec![text.to_owned()])),
        None => Err(format!(
            "{text:?} is not an architecture of the kernel: write its name, such as x86, arm64 or riscv, \
             or a usual one, such as x86_64 or aarch64. Several are alternatives: state each one by \
             itself"
        )),
    }
}

fn symbol(text: &str) -> Result<Check, String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.$".contains(c);
    match !text.is_empty() && text.chars().all(is_part) {
        true => Ok(Check::Symbol(text.to_owned())),
        false => Err(format!(
            "{text:?} is not the name of an exported symbol: write one, such as nf_register_net_hook"
        )),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use RequirementKind::{Arch, Config, Kernel, Symbol};

    fn shown(kind: RequirementKind, text: &str) -> (String, bool, Option<String>) {
        let parsed = parse(kind, text).unwrap();
        (parsed.check.to_string(), parsed.only_warns, parsed.reason)
    }

    #[test]
    fn a_requirement_has_marks_a_check_and_a_reason() {
        let plain = |text: &str| (text.to_owned(), false, None);
        assert_eq!(shown(Config, "NET"), plain("CONFIG_NET"));
        assert_eq!(shown(Config, " !CONFIG_NET "), plain("!CONFIG_NET"));
        let warning = ("!CONFIG_NET".to_owned(), true, Some("a: b".to_owned()));
        assert_eq!(shown(Config, "~!NET: a: b"), warning);
        assert_eq!(shown(Config, "~!NET: \u{202e}a: \u{2069}b"), warning);
        assert_eq!(shown(Kernel, ">=5.10,< 7 :"), plain(">=5.10, <7"));
        assert_eq!(shown(Kernel, "==6.1.192"), plain("=6.1.192"));
        assert_eq!(shown(Arch, "amd64"), plain("amd64"));
        assert_eq!(shown(Symbol, "init_net"), plain("init_net"));
        assert!(shown(Symbol, "~init_net").1);
    }

    #[test]
    fn what_is_not_a_requirement_is_refused() {
        for (kind, texts) in [
            (
                Config,
                &["", "!", "CONFIG_", "A=y", "A B", "!~A", "A-B", ": r", "A\n"][..],
            ),
            (
                Kernel,
                &[
                    "",
                    "5.10",
                    ">=",
                    ">=5.x",
                    ">=5.10-rc1",
                    ">=1.2.3.4",
                    ">=5,",
                    ">=+5",
                    "=>5",
                ],
            ),
            (Arch, &["", "x68", "x86, arm64", "x86_64-linux"]),
            (Symbol, &["", "a b", "a-b", "!a"]),
        ] {
            for text in texts {
                assert!(parse(kind, text).is_err(), "{text:?}");
            }
        }
    }

    #[test]
    fn a_bound_compares_the_numbers_that_it_has() {
        let holds = |text: &str, kernel| match parse(Kernel, text).unwrap().check {
            Check::Kernel(bounds) => bounds.iter().all(|bound| bound.holds(kernel)),
            _ => unreachable!(),
        };
        for (text, is_met) in [
            (">=6.1", true),
            ("<=6.1", true),
            (">6.1", false),
            ("<6.1", false),
            ("=6.1", true),
            ("=6", true),
            ("=6.1.191", false),
            (">6.1.191", true),
            (">=6.1.193", false),
            (">=5.10, <7.0", true),
            (">=5.10, <6", false),
            ("<6.10", true),
        ] {
            assert_eq!(holds(text, [6, 1, 192]), is_met, "{text}");
        }
    }
}
