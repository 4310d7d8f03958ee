//! The lines of a makefile, by their form.

use std::sync::Arc;

use super::conditions::Conditions;

/// Lines without comments, each with the number of its first line. Lines that a backslash continues
/// are joined.
pub(super) fn logical_lines(text: &str) -> impl Iterator<Item = (u32, String)> {
    let mut lines = text.lines().zip(1..);
    std::iter::from_fn(move || {
        let (mut line, number) = lines.next()?;
        let mut whole = String::new();
        loop {
            let content = line.split('#').next().unwrap_or_default();
            let part = content.strip_suffix('\\');
            whole.push_str(part.unwrap_or(content));
            match part.and_then(|_| lines.next()) {
                Some((next, _)) => line = next,
                None => return Some((number, whole)),
            }
            whole.push(' ');
        }
    })
}

/// A line of a makefile, with its continuations. There are as many as a file has lines, so it is small.
#[derive(Debug)]
pub(crate) struct Line {
    /// The makefile that holds the line: its index in `Folder::makefiles`.
    pub(crate) makefile: u32,
    pub(crate) number: u32,
    pub(crate) text: Box<str>,
    pub(crate) form: Form,
    /// Whether only make by hand reads it.
    pub(crate) is_by_hand: bool,
    /// The condition around it, if only make can decide that.
    pub(crate) condition: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The line begins, turns or ends a condition.
    Condition,
    /// The line is between `define` and `endef`.
    Defined,
    Recipe {
        /// Whether kbuild may run the rule: its target is in kbuild's folder.
        is_of_kbuild: bool,
    },
    /// [`Line::statement`] says which.
    Statement,
}

impl Line {
    /// Without meaning for a line of another form.
    pub(crate) fn statement(&self) -> Statement<'_> {
        Statement::of(self.text.trim())
    }

    /// (variable, value), if it is an assignment.
    pub(super) fn assignment(&self) -> Option<(&str, &str)> {
        match self.statement() {
            Statement::Assignment { name, value, .. } if self.form == Form::Statement => {
                Some((name, value.trim()))
            }
            _ => None,
        }
    }
}

/// The place in a makefile that has been reached.
#[derive(Default)]
pub(super) struct Position {
    pub(super) conditions: Conditions,
    /// Whether recipe lines may follow, and whether these are kbuild's.
    rule: Option<bool>,
    in_definition: bool,
}

impl Position {
    /// Takes in the next line; tells its form.
    pub(super) fn follow(&mut self, line: &str) -> Form {
        let text = line.trim();
        if self.in_definition {
            self.in_definition = text != "endef";
            return Form::Defined;
        }
        if let Some(is_of_kbuild) = self.rule.filter(|_| line.starts_with('\t')) {
            return Form::Recipe { is_of_kbuild };
        }
        if self.conditions.follow(text) {
            return Form::Condition;
        }
        if !self.conditions.are_false() {
            match Statement::of(text) {
                Statement::Rule(targets) => {
                    const OF_KBUILD: &[&str] = &["$(obj)", "$(src)", "${obj}", "${src}"];
                    self.rule = Some(OF_KBUILD.iter().any(|dir| targets.contains(dir)));
                }
                Statement::Call(_) => {}
                statement => {
                    self.rule = None;
                    self.in_definition = matches!(statement, Statement::Definition(_));
                }
            }
        }
        Form::Statement
    }
}

/// A line of a makefile that is neither a condition nor a recipe.
pub(crate) enum Statement<'a> {
    /// An assignment. `how` is the character before the `=`, or `=`.
    Assignment {
        name: &'a str,
        how: char,
        value: &'a str,
    },
    Definition(&'a str),
    Include(&'a str),
    /// A rule, with its targets.
    Rule(&'a str),
    Call(&'a str),
}

impl Statement<'_> {
    fn of(text: &str) -> Statement<'_> {
        let mut text = text;
        for lead in ["export ", "override ", "private "] {
            text = text.strip_prefix(lead).unwrap_or(text).trim_start();
        }
        if let Some(rest) = text.strip_prefix("define ") {
            return Statement::Definition(rest.trim_end_matches(['=', ':', '?', '+', ' ']).trim());
        }
        for word in ["include ", "-include ", "sinclude "] {
            if let Some(files) = text.strip_prefix(word) {
                return Statement::Include(files);
            }
        }
        // Neither character counts within `$(…)`.
        let mut depth = 0_usize;
        let mut previous = ' ';
        for (at, c) in text.char_indices() {
            match c {
                '(' | '{' if depth > 0 || previous == '$' => depth += 1,
                ')' | '}' if depth > 0 => depth -= 1,
                '=' if depth == 0 => {
                    let how = match previous {
                        ':' | '?' | '+' | '!' => previous,
                        _ => '=',
                    };
                    let name = text[..at].trim_end_matches([':', '?', '+', '!']).trim();
                    let value = &text[at + 1..];
                    return Statement::Assignment { name, how, value };
                }
                ':' if depth == 0
                    && !text[at..].starts_with(":=")
                    && !text[at..].starts_with("::=") =>
                {
                    return Statement::Rule(&text[..at]);
                }
                _ => {}
            }
            previous = c;
        }
        Statement::Call(text)
    }
}
