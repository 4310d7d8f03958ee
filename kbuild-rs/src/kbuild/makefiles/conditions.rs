//! Conditions of makefiles that kbuild decides. With them, one file has a part for `make` by hand and
//! a part for kbuild.

/// Variables that are never empty where kbuild reads a makefile.
pub(crate) const SET: &[&str] = &[
    "KERNELRELEASE",
    "KBUILD_EXTMOD",
    "M",
    "src",
    "obj",
    "srctree",
];

/// The conditions around a line.
#[derive(Debug, Default)]
pub(crate) struct Conditions(Vec<Condition>);

#[derive(Debug)]
struct Condition {
    text: String,
    /// Whether the branch is taken, where that is known.
    holds: Option<bool>,
    /// Whether a branch before this one is taken for certain.
    is_over: bool,
}

impl Condition {
    /// A branch with this condition, after one that is taken or not.
    fn of(text: &str, is_over: bool) -> Condition {
        let holds = match is_over {
            true => Some(false),
            false => holds_for_kbuild(text),
        };
        Condition {
            text: text.to_owned(),
            holds,
            is_over,
        }
    }
}

impl Conditions {
    /// Whether kbuild never reads the line.
    pub(crate) fn are_false(&self) -> bool {
        self.0
            .iter()
            .any(|condition| condition.holds == Some(false))
    }

    /// The innermost condition that only make can decide.
    pub(crate) fn unknown(&self) -> Option<&str> {
        let mut unknown = self.0.iter().rev().filter(|c| c.holds.is_none());
        unknown.next().map(|condition| &*condition.text)
    }

    /// Takes in a line that begins, turns or ends a condition; tells whether it is one.
    pub(crate) fn follow(&mut self, line: &str) -> bool {
        let word = line.split([' ', '\t', '(']).next().unwrap_or_default();
        match word {
            "ifeq" | "ifneq" | "ifdef" | "ifndef" => self.0.push(Condition::of(line, false)),
            "else" => {
                let Some(last) = self.0.pop() else {
                    return true;
                };
                let rest = line["else".len()..].trim();
                let is_over = last.is_over || last.holds == Some(true);
                self.0.push(match rest {
                    "" => Condition {
                        text: format!("else of {}", last.text),
                        holds: is_over.then_some(false),
                        is_over,
                    },
                    rest => Condition::of(rest, is_over),
                });
            }
            "endif" => drop(self.0.pop()),
            _ => return false,
        }
        true
    }
}

/// Whether a condition holds, where kbuild decides that: `ifneq ($(KERNELRELEASE),)`.
pub(crate) fn holds_for_kbuild(text: &str) -> Option<bool> {
    let (word, rest) = text.split_at(text.find([' ', '\t', '('])?);
    let rest = rest.trim();
    let is_set = |name: &str| SET.contains(&name);
    match word {
        "ifdef" => is_set(rest).then_some(true),
        "ifndef" => is_set(rest).then_some(false),
        _ => {
            let bare: String = rest
                .chars()
                .filter(|c| !"(){}\"',$ \t".contains(*c))
                .collect();
            let bare = bare.strip_prefix("strip").unwrap_or(&bare);
            // Compared with the empty text.
            is_set(bare).then_some(word == "ifneq")
        }
    }
}
