//! Whether the part of a makefile that kbuild reads depends on the release of the running kernel.
//!
//! A makefile often serves `make` by hand, too: its recipes and the path of the running kernel's
//! tree do not matter to kbuild. So the release is followed from `uname -r` through variables and
//! conditions to something of kbuild's own: flags, objects, an included file.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::conditions::{SET, holds_for_kbuild};
use super::lines::{Rule, Statement, logical_lines};
use super::uses;

/// A variable that brings the release somewhere, and the placeholder that it may be set to.
type Setting = Option<(String, &'static str)>;

/// A place where `uname -r` decides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) makefile: PathBuf,
    /// The number of the line.
    pub(crate) line: usize,
    /// By way of which variable.
    pub(crate) variable: Setting,
}

/// Follows the release through a makefile and what it includes.
pub(crate) struct Follower<'a> {
    /// Whether an assignment (`?` for `?=`) is without effect, because the caller sets the variable.
    is_given: &'a dyn Fn(&str, char) -> bool,
    /// The path and the text of the makefile that a word behind `include` names.
    included: &'a dyn Fn(&str) -> Option<(PathBuf, String)>,
    /// The first place in each makefile at which the release decides.
    pub(crate) decisions: Vec<Decision>,
    /// Words with a slash at their end, which may be folders.
    pub(crate) folders: Vec<String>,
    /// Variables that depend on the release, each with what may be set for that: itself, or the one
    /// that it comes from.
    dependent: BTreeMap<String, Setting>,
}

/// A makefile that includes itself comes to an end.
const DEEPEST: usize = 16;

impl<'a> Follower<'a> {
    pub(crate) fn new(
        is_given: &'a dyn Fn(&str, char) -> bool,
        included: &'a dyn Fn(&str) -> Option<(PathBuf, String)>,
    ) -> Self {
        Follower {
            is_given,
            included,
            decisions: Vec::new(),
            folders: Vec::new(),
            dependent: BTreeMap::new(),
        }
    }

    /// Reads a makefile.
    pub(crate) fn read(&mut self, path: &Path, text: &str) {
        self.read_at(path, text, 0);
    }

    fn read_at(&mut self, path: &Path, text: &str, depth: usize) {
        let mut conditions: Vec<Condition> = Vec::new();
        let mut rule = Rule::None;
        let mut definition: Option<String> = None;
        let mut is_told = false;
        for (line, text) in logical_lines(text) {
            if let Some(name) = &definition {
                match text.trim() == "endef" {
                    true => definition = None,
                    false if self.brings(&text) => {
                        self.dependent.insert(name.clone(), None);
                    }
                    false => {}
                }
                continue;
            }
            let is_recipe = text.starts_with('\t') && rule != Rule::None;
            if !is_recipe && self.follow_condition(text.trim(), &mut conditions) {
                continue;
            }
            if conditions.iter().any(|c| c.branch == Branch::Dead) {
                continue;
            }
            let depends = self.brings(&text) || conditions.iter().any(|c| c.depends);
            let of_condition = conditions.iter().rev().find_map(|c| c.variable.clone());
            let variable = self.named_in(&text).or(of_condition);
            let decides = match is_recipe {
                true => rule == Rule::OfKbuild,
                false => {
                    let statement = Statement::of(text.trim());
                    rule = statement.rule(rule);
                    if let Statement::Definition(name) = statement {
                        definition = Some(name.to_owned());
                    }
                    self.take(&statement, depends.then_some(&variable), depth)
                }
            };
            if decides && depends && !is_told {
                is_told = true;
                self.decisions.push(Decision {
                    makefile: path.to_owned(),
                    line,
                    variable,
                });
            }
        }
    }

    /// Takes in a line that is no recipe; tells whether kbuild's part depends on it. `depends` is
    /// what brings the release to this line.
    fn take(&mut self, statement: &Statement<'_>, depends: Option<&Setting>, depth: usize) -> bool {
        match statement {
            Statement::Assignment { name, how, value } => {
                self.folders.extend(folders(value));
                self.assign(name, *how, value, depends);
                is_of_kbuild(name)
            }
            Statement::Include(files) => {
                for word in files.split_whitespace().filter(|_| depth < DEEPEST) {
                    if let Some((path, text)) = (self.included)(word) {
                        self.read_at(&path, &text, depth + 1);
                    }
                }
                true
            }
            Statement::Call(text) => ["$(shell", "$(eval", "$(error"]
                .iter()
                .any(|call| text.starts_with(call)),
            Statement::Definition(_) | Statement::Rule(_) => false,
        }
    }

    /// Whether a text depends on the release of the running kernel.
    fn brings(&self, text: &str) -> bool {
        ["uname -r", "uname --kernel-release"]
            .iter()
            .any(|call| text.contains(call))
            || self.dependent.keys().any(|name| uses(text, name))
    }

    /// The variable to be set for what brings the release to a text.
    fn named_in(&self, text: &str) -> Setting {
        let mut known = self.dependent.iter();
        known.find_map(|(name, setting)| setting.clone().filter(|_| uses(text, name)))
    }

    fn assign(&mut self, name: &str, how: char, value: &str, depends: Option<&Setting>) {
        // kbuild's own are set; what is on make's command line stays.
        let stays = (self.is_given)(name, how) || (how == '?' && SET.contains(&name));
        if stays {
            return;
        }
        if let Some(from) = depends {
            let own = placeholder_for(value).filter(|_| !SET.contains(&name));
            let setting = own.map(|placeholder| (name.to_owned(), placeholder));
            self.dependent
                .insert(name.to_owned(), setting.or_else(|| from.clone()));
        } else if matches!(how, ':' | '=') {
            self.dependent.remove(name);
        }
    }

    /// Takes in a line that begins, turns or ends a condition; tells whether it is one.
    fn follow_condition(&self, statement: &str, conditions: &mut Vec<Condition>) -> bool {
        let word = statement.split([' ', '\t', '(']).next().unwrap_or_default();
        match word {
            "ifeq" | "ifneq" | "ifdef" | "ifndef" => {
                conditions.push(self.condition(statement, false));
            }
            "else" => {
                let Some(last) = conditions.pop() else {
                    return true;
                };
                let rest = statement["else".len()..].trim();
                let certain = last.certain || last.branch == Branch::Live;
                let mut next = match rest.is_empty() {
                    false => self.condition(rest, certain),
                    true => Condition {
                        branch: match (certain, last.branch) {
                            (true, _) => Branch::Dead,
                            (false, Branch::Dead) => Branch::Live,
                            (false, _) => Branch::Unknown,
                        },
                        certain,
                        depends: false,
                        variable: None,
                    },
                };
                next.depends |= last.depends;
                next.variable = next.variable.or(last.variable);
                conditions.push(next);
            }
            "endif" => drop(conditions.pop()),
            _ => return false,
        }
        true
    }

    /// A condition's first branch; none is taken where another one `certain`ly was.
    fn condition(&self, text: &str, certain: bool) -> Condition {
        let branch = match (certain, holds_for_kbuild(text)) {
            (true, _) | (_, Some(false)) => Branch::Dead,
            (_, Some(true)) => Branch::Live,
            (_, None) => Branch::Unknown,
        };
        // `ifdef` names a variable without a reference.
        let asked = text.strip_prefix("ifdef").or(text.strip_prefix("ifndef"));
        let asked = asked.and_then(|name| self.dependent.get(name.trim()));
        let depends = self.brings(text) || asked.is_some();
        Condition {
            branch,
            certain,
            depends,
            variable: self.named_in(text).or_else(|| asked.cloned().flatten()),
        }
    }
}

/// The branch of a condition that a line stands in, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Branch {
    Live,
    Dead,
    Unknown,
}

struct Condition {
    branch: Branch,
    /// Whether a branch before this one is taken for certain.
    certain: bool,
    /// Whether the release of the running kernel decides which branch it is.
    depends: bool,
    variable: Setting,
}

/// Whether kbuild reads the variable itself.
fn is_of_kbuild(name: &str) -> bool {
    const NAMES: &[&str] = &["always", "hostprogs", "userprogs", "targets"];
    const STARTS: &[&str] = &[
        "obj-",
        "lib-",
        "subdir-",
        "always-",
        "extra-",
        "hostprogs-",
        "ccflags",
        "asflags",
        "ldflags",
        "rustflags",
        "cppflags",
        "CFLAGS_",
        "AFLAGS_",
        "LDFLAGS_",
        "RUSTFLAGS_",
        "EXTRA_",
        "KBUILD_",
        "KCFLAGS",
        "KAFLAGS",
        "HOSTCFLAGS",
        "LINUXINCLUDE",
        "CONFIG_",
    ];
    const ENDS: &[&str] = &["-y", "-m", "-objs"];
    NAMES.contains(&name)
        || STARTS.iter().any(|start| name.starts_with(start))
        || ENDS.iter().any(|end| name.ends_with(end))
        || name.contains("-$")
}

/// The placeholder that stands for what a makefile makes of `uname -r`.
fn placeholder_for(value: &str) -> Option<&'static str> {
    let value = value.trim();
    let ends = |ends: &[&str]| ends.iter().any(|end| value.ends_with(end));
    if matches!(
        value,
        "$(shell uname -r)" | "`uname -r`" | "${shell uname -r}"
    ) {
        Some("{release}")
    } else if ends(&["/build", "/build/"]) {
        Some("{kernel_dir}")
    } else if ends(&["/source", "/source/"]) {
        Some("{kernel_source}")
    } else {
        None
    }
}

fn folders(value: &str) -> impl Iterator<Item = String> + '_ {
    let words = value.split_whitespace();
    words.filter(|word| word.ends_with('/')).map(str::to_owned)
}
