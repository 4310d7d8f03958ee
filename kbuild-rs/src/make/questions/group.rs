//! The sources that ask: one for each whole source, one for all other questions with one prefix.

use std::ffi::OsStr;

use crate::settings::{Asked, Question};
use crate::sys::Hash;
use crate::{Error, Result};

/// The first letters of a source that is compiled as a whole, and of one that is only parsed.
pub(super) const WHOLE: &str = "whole-";
pub(super) const PARSED: &str = "parsed-";

/// The beginning of a question's file name in a line directive.
pub(super) const MARK: &str = "kbuild-rs-question-";

/// A source, and the questions that it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Its file name without `.c`: the hash of its text is a part of it.
    pub(crate) name: String,
    pub(crate) text: Vec<u8>,
    /// The questions' keys. The one question of a whole source has the key of its name.
    pub(crate) keys: Vec<String>,
}

impl Group {
    /// The sources for these questions.
    pub(crate) fn of<'q>(questions: impl IntoIterator<Item = &'q Question>) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut parsed: Vec<(&[u8], Vec<&Question>)> = Vec::new();
        let mut add = |prefix: &'q [u8], question| match parsed
            .iter_mut()
            .find(|(known, _)| *known == prefix)
        {
            Some((_, questions)) => questions.push(question),
            None => parsed.push((prefix, vec![question])),
        };
        for question in questions {
            match &question.asked {
                Asked::Compiles(text) => groups.push(Group {
                    name: format!("{WHOLE}{}", key(question)),
                    text: text.clone(),
                    keys: vec![key(question)],
                }),
                Asked::Export(_) => {}
                Asked::Header(_) => add(&[], question),
                Asked::Symbol { prefix, .. } | Asked::Member { prefix, .. } => {
                    add(prefix, question);
                }
            }
        }
        groups.extend(
            parsed
                .iter()
                .map(|(prefix, all)| Group::parsed(prefix, all)),
        );
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        groups.dedup();
        groups
    }

    fn parsed(prefix: &[u8], questions: &[&Question]) -> Group {
        let mut text = prefix.to_vec();
        let mut keys = Vec::new();
        for question in questions {
            let key = key(question);
            if keys.contains(&key) {
                continue;
            }
            let code = code(&question.asked, &key).unwrap_or_default();
            text.extend_from_slice(format!("\n# 1 \"{MARK}{key}\"\n{code}").as_bytes());
            keys.push(key);
        }
        let mut hash = Hash::new();
        hash.add(&text);
        Group {
            name: format!("{PARSED}{:016x}", hash.value()),
            text,
            keys,
        }
    }

    /// The group of a source in the stage.
    pub(crate) fn read(name: &str, text: Vec<u8>) -> Group {
        let keys = match name.strip_prefix(WHOLE) {
            Some(key) => vec![key.to_owned()],
            None => {
                let all = String::from_utf8_lossy(&text);
                let start = format!("# 1 \"{MARK}");
                let keys = all.lines().filter_map(|line| line.strip_prefix(&start));
                keys.map(|rest| rest.trim_end_matches('"').to_owned())
                    .collect()
            }
        };
        Group {
            name: name.to_owned(),
            text,
            keys,
        }
    }

    /// The headers that the text asks for with `__has_include`, which the compiler does not list.
    pub(crate) fn looked_for(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.text);
        let mut found = Vec::new();
        for (at, word) in text.match_indices("__has_include") {
            let rest = text[at + word.len()..].trim_start_matches(['_', 'n', 'e', 'x', 't']);
            let rest = rest.trim_start().trim_start_matches('(').trim_start();
            let name = match rest.strip_prefix('<') {
                Some(rest) => rest.split_once('>'),
                None => rest.strip_prefix('"').and_then(|rest| rest.split_once('"')),
            };
            found.extend(name.map(|(name, _)| name.to_owned()));
        }
        found.sort();
        found.dedup();
        found
    }
}

/// Whether a file name in the stage belongs to a source of ours; its name without the extension.
pub(crate) fn is_of_group(name: &OsStr) -> Option<&str> {
    let name = name.to_str()?.strip_suffix(".c")?;
    (name.starts_with(WHOLE) || name.starts_with(PARSED)).then_some(name)
}

/// The key of a question: a hash of all that is asked.
pub(super) fn key(question: &Question) -> String {
    let mut hash = Hash::new();
    let mut add = |parts: &[&[u8]]| {
        for part in parts {
            hash.add(&(part.len() as u64).to_le_bytes()).add(part);
        }
    };
    match &question.asked {
        Asked::Compiles(text) => add(&[b"compiles", text]),
        Asked::Header(header) => add(&[b"header", header.as_bytes()]),
        Asked::Symbol { symbol, prefix } => add(&[b"symbol", symbol.as_bytes(), prefix]),
        Asked::Member { of, member, prefix } => {
            add(&[b"member", of.as_bytes(), member.as_bytes(), prefix]);
        }
        Asked::Export(symbol) => add(&[b"export", symbol.as_bytes()]),
    }
    format!("{:016x}", hash.value())
}

/// The lines that ask.
fn code(asked: &Asked, key: &str) -> Option<String> {
    let function = format!("kbuild_rs_{key}");
    Some(match asked {
        Asked::Header(header) => {
            format!("#if !__has_include(<{header}>)\n#error no such header\n#endif\n")
        }
        // An address would not do for an enumerator, nor the value for a variable of an incomplete
        // type. The inner parentheses refuse a type.
        Asked::Symbol { symbol, .. } => format!(
            "#ifndef {symbol}\nvoid {function}(void);\nvoid {function}(void) {{ \
             (void)sizeof(__typeof__(({symbol})) *); }}\n#endif\n"
        ),
        // `sizeof` would not do for a bit field.
        Asked::Member { of, member, .. } => format!(
            "void {function}({of} *);\nvoid {function}({of} *kbuild_rs_object) {{ \
             (void)kbuild_rs_object->{member}; }}\n"
        ),
        Asked::Compiles(_) | Asked::Export(_) => return None,
    })
}

/// Refuses what cannot be asked.
pub(crate) fn check(question: &Question) -> Result<()> {
    let of = |good: fn(char) -> bool, text: &str| !text.is_empty() && text.chars().all(good);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = |text: &str| !text.starts_with(|c: char| c.is_ascii_digit());
    let named = &question.name;
    let is_file = |c: char| c.is_ascii_alphanumeric() || "_-+.".contains(c);
    if !of(is_file, named) || named.starts_with(['.', '-']) || named.len() > 200 {
        return Err(Error::input(format!(
            "{named:?} cannot be the name of a question: use letters, digits and _, as in \
             HAVE_PROC_OPS"
        )));
    }
    let refuse = |what: &str, text: &str, form: &str| {
        Err(Error::input(format!(
            "{text:?} is not {what} (question {named}): {form}"
        )))
    };
    match &question.asked {
        Asked::Compiles(_) => Ok(()),
        Asked::Header(header) => {
            let is_path = |c: char| !c.is_control() && !"<>\"\\".contains(c);
            match of(is_path, header) {
                true => Ok(()),
                false => refuse("a header", header, "write it as in linux/module.h"),
            }
        }
        Asked::Symbol { symbol, .. } | Asked::Export(symbol) => {
            match of(is_word, symbol) && starts(symbol) {
                true => Ok(()),
                false => refuse(
                    "a symbol",
                    symbol,
                    "write only its name, as in timer_delete",
                ),
            }
        }
        Asked::Member {
            of: kind, member, ..
        } => {
            let is_kind = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ' ';
            if !of(is_kind, kind) || !starts(kind) || kind.trim().is_empty() {
                return refuse("a type", kind, "write it as in C: struct file");
            }
            let is_member = |c: char| c.is_ascii_alphanumeric() || "_.[]".contains(c);
            match of(is_member, member) && starts(member) {
                true => Ok(()),
                false => refuse("a member", member, "write its name, as in f_op"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, asked: Asked) -> Question {
        Question {
            name: name.to_owned(),
            asked,
        }
    }

    fn symbol(symbol: &str, prefix: &str) -> Question {
        asked(
            "A",
            Asked::Symbol {
                symbol: symbol.to_owned(),
                prefix: prefix.into(),
            },
        )
    }

    #[test]
    fn questions_with_one_prefix_share_a_source_and_are_read_back_from_it() {
        let all = [
            symbol("a", "#include <x.h>"),
            symbol("b", "#include <x.h>"),
            symbol("a", "#include <y.h>"),
            asked("W", Asked::Compiles(b"int x;\xff".to_vec())),
            symbol("a", "#include <x.h>"),
        ];
        let groups = Group::of(&all);
        assert_eq!(groups.len(), 3);
        for group in &groups {
            assert_eq!(*group, Group::read(&group.name, group.text.clone()));
            let file = format!("{}.c", group.name);
            assert_eq!(is_of_group(OsStr::new(&file)), Some(group.name.as_str()));
        }
        let shared = groups.iter().find(|group| group.keys.len() == 2).unwrap();
        assert_eq!(shared.keys, [key(&all[0]), key(&all[1])]);
    }

    #[test]
    fn a_question_that_would_be_code_is_refused() {
        for good in [
            symbol("timer_delete", ""),
            asked(
                "HAVE-x.1",
                Asked::Member {
                    of: "struct page".into(),
                    member: "a.b[0]".into(),
                    prefix: Vec::new(),
                },
            ),
        ] {
            check(&good).unwrap();
        }
        for bad in [
            symbol("a);system(\"x\"", ""),
            symbol("a\nb", ""),
            symbol("", ""),
            symbol("1a", ""),
            asked("../x", Asked::Compiles(Vec::new())),
            asked("", Asked::Compiles(Vec::new())),
            asked("A", Asked::Header("a>\n#include <b".into())),
        ] {
            check(&bad).unwrap_err();
        }
    }

    #[test]
    fn headers_that_a_source_asks_for_are_found() {
        let text =
            "#if __has_include(<a/b.h>) || __has_include( \"c.h\")\n__has_include_next(<d.h>)";
        let group = Group::read("whole-0", text.as_bytes().to_vec());
        assert_eq!(group.looked_for(), ["a/b.h", "c.h", "d.h"]);
    }
}
