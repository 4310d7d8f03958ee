//! The text that a kernel compares with a module's `vermagic`.
//!
//! It differs from release to release and from architecture to architecture, so it is not rebuilt from a
//! list of releases: the kernel tree has `include/linux/vermagic.h`, whose few conditions and texts are
//! read here. Nothing is executed.

use std::collections::HashMap;

use crate::kernel::Kernel;
use crate::sys::regular;

/// The text, or its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vermagic {
    pub(super) text: String,
    /// The word at which the text stops being known.
    pub(super) stops_at: Option<String>,
}

impl Vermagic {
    /// Reads that of a kernel tree; `None` if its header cannot be read.
    pub(super) fn of(kernel: &Kernel) -> Option<Vermagic> {
        let read = |path: std::path::PathBuf| regular::read_to_string(path).ok();
        let (dir, source) = (kernel.dir(), kernel.source_dir());
        let arch = format!("arch/{}/include/asm/vermagic.h", kernel.arch());
        let of_arch = read(source.join(arch))
            .or_else(|| read(source.join("include/asm-generic/vermagic.h")))
            .unwrap_or_default();
        let own = read(source.join("include/linux/vermagic.h"))?;
        let config = |name: &str| kernel.config(name).map(str::to_owned);
        let mut macros = Macros::new(&config);
        macros.define("UTS_RELEASE", &format!("{:?}", kernel.release()));
        // The seed of randomized structures; the first name is that of 5.10.
        for file in ["randomize_layout_hash.h", "randstruct_hash.h"] {
            let text = read(dir.join("include/generated").join(file));
            macros.read(&text.unwrap_or_default());
        }
        macros.read(&of_arch);
        macros.read(&own);
        Some(macros.text_of("VERMAGIC_STRING"))
    }

    /// Whether a module with this text passes. `has_crcs`: the release is not compared, because the
    /// module has checksums, and the kernel compares these.
    pub(super) fn accepts(&self, module: &str, has_crcs: bool) -> bool {
        let behind = |text: &str| match text.find(' ') {
            Some(at) if has_crcs => text[at..].to_owned(),
            None if has_crcs => String::new(),
            _ => text.to_owned(),
        };
        let (own, module) = (behind(&self.text), behind(module));
        match self.stops_at {
            None => own == module,
            Some(_) => module.starts_with(&own),
        }
    }
}

/// The text of a header that stands alone.
#[cfg(feature = "fuzzing")]
pub(super) fn of_header(header: &str) -> Vermagic {
    let mut macros = Macros::new(&|name| name.contains('A').then(|| "y".to_owned()));
    macros.read(header);
    macros.text_of("VERMAGIC_STRING")
}

/// What `#define` and the configuration say.
struct Macros<'a> {
    config: &'a dyn Fn(&str) -> Option<String>,
    bodies: HashMap<String, String>,
}

/// The deepest macros in macros.
const DEEPEST: usize = 16;

/// The most macros that one text is made of: each may name others twice.
const STEPS: usize = 1024;

impl<'a> Macros<'a> {
    fn new(config: &'a dyn Fn(&str) -> Option<String>) -> Macros<'a> {
        Macros {
            config,
            bodies: HashMap::new(),
        }
    }

    fn define(&mut self, name: &str, body: &str) {
        self.bodies.insert(name.to_owned(), body.to_owned());
    }

    fn is_defined(&self, name: &str) -> bool {
        let value = |name| (self.config)(name);
        match name {
            // Compilers get these two with -D.
            "RANDSTRUCT" => value("RANDSTRUCT").is_some(),
            "RANDSTRUCT_PLUGIN" => value("GCC_PLUGIN_RANDSTRUCT").is_some(),
            _ if name.starts_with("CONFIG_") => match name.strip_suffix("_MODULE") {
                Some(base) if value(base).as_deref() == Some("m") => true,
                _ => value(name).is_some_and(|value| value != "m"),
            },
            _ => self.bodies.contains_key(name),
        }
    }

    /// Takes the definitions of a header whose conditions hold.
    fn read(&mut self, header: &str) {
        // Of each open condition: whether its lines count, and whether one of its branches has counted.
        let mut open: Vec<(bool, bool)> = Vec::new();
        for line in logical_lines(header) {
            let Some(directive) = line.trim_start().strip_prefix('#') else {
                continue;
            };
            let directive = directive.trim_start();
            let end = directive.find(|c: char| !c.is_ascii_alphabetic());
            let (word, rest) = directive.split_at(end.unwrap_or(directive.len()));
            let rest = rest.trim();
            let outer = open.iter().rev().skip(1).all(|(counts, _)| *counts);
            match word {
                "if" | "ifdef" | "ifndef" => {
                    let holds = match word {
                        "ifdef" => self.is_defined(rest),
                        "ifndef" => !self.is_defined(rest),
                        _ => self.holds(rest),
                    };
                    open.push((holds, holds));
                }
                "elif" | "else" => {
                    let holds = outer && (word == "else" || self.holds(rest));
                    if let Some((counts, has_counted)) = open.last_mut() {
                        *counts = holds && !*has_counted;
                        *has_counted |= *counts;
                    }
                }
                "endif" => drop(open.pop()),
                "define" if open.iter().all(|(counts, _)| *counts) => {
                    let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                    let (name, body) = rest.split_at(end);
                    self.define(name, body.trim());
                }
                _ => {}
            }
        }
    }

    /// Whether the expression of an `#if` holds: `defined` with `!`, `&&`, `||` and parentheses.
    fn holds(&self, expression: &str) -> bool {
        let tokens = tokens(expression);
        let mut at = 0;
        self.any(&tokens, &mut at, 0)
    }

    fn any(&self, tokens: &[&str], at: &mut usize, depth: usize) -> bool {
        let mut holds = self.all(tokens, at, depth);
        while tokens.get(*at) == Some(&"||") {
            *at += 1;
            holds |= self.all(tokens, at, depth);
        }
        holds
    }

    fn all(&self, tokens: &[&str], at: &mut usize, depth: usize) -> bool {
        let mut holds = self.one(tokens, at, depth);
        while tokens.get(*at) == Some(&"&&") {
            *at += 1;
            holds &= self.one(tokens, at, depth);
        }
        holds
    }

    fn one(&self, tokens: &[&str], at: &mut usize, depth: usize) -> bool {
        let token = tokens.get(*at).copied().unwrap_or_default();
        *at += 1;
        match token {
            _ if depth > DEEPEST => false,
            "!" => !self.one(tokens, at, depth + 1),
            "(" => {
                let holds = self.any(tokens, at, depth + 1);
                *at += usize::from(tokens.get(*at) == Some(&")"));
                holds
            }
            "defined" | "IS_ENABLED" | "IS_BUILTIN" => {
                let in_parentheses = tokens.get(*at) == Some(&"(");
                *at += usize::from(in_parentheses);
                let name = tokens.get(*at).copied().unwrap_or_default();
                *at += 1 + usize::from(in_parentheses);
                self.is_defined(name)
                    || token == "IS_ENABLED" && self.is_defined(&format!("{name}_MODULE"))
            }
            number => number.parse().is_ok_and(|number: u64| number != 0),
        }
    }

    /// The text that a macro of string literals stands for.
    fn text_of(&self, name: &str) -> Vermagic {
        let mut text = String::new();
        let mut steps = STEPS;
        let stops_at = self.expand(name, &mut text, &mut steps, 0).err();
        Vermagic { text, stops_at }
    }

    /// Adds the text of a macro. The error is the word that has none.
    fn expand(
        &self,
        name: &str,
        text: &mut String,
        steps: &mut usize,
        depth: usize,
    ) -> Result<(), String> {
        *steps = steps.saturating_sub(1);
        let body = self.bodies.get(name);
        let body = body.filter(|_| depth < DEEPEST && *steps > 0);
        let tokens = tokens(body.ok_or_else(|| name.to_owned())?);
        let mut rest = tokens.as_slice();
        while let [token, after @ ..] = rest {
            rest = after;
            if let Some(literal) = token.strip_prefix('"') {
                text.push_str(literal.trim_end_matches('"'));
            } else if let ("__stringify", ["(", inner, ")", after @ ..]) = (*token, rest) {
                let body = self.bodies.get(*inner);
                text.push_str(body.ok_or_else(|| (*inner).to_owned())?);
                rest = after;
            } else {
                self.expand(token, text, steps, depth + 1)?;
            }
        }
        Ok(())
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Lines without comments, and with those that a backslash continues joined.
fn logical_lines(text: &str) -> Vec<String> {
    let mut without = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        without.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    without.push_str(rest);
    let joined = without.replace("\\\n", " ");
    let lines = joined.lines();
    let lines = lines.map(|line| line.split("//").next().unwrap_or_default());
    lines.map(str::to_owned).collect()
}

/// Words, operators and string literals.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |at| at + 2),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            '&' | '|' if rest[1..].starts_with(first) => 2,
            c => c.len_utf8(),
        };
        found.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    found
}

#[cfg(test)]
mod tests;
