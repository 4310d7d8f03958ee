//! The lines of a makefile, by their form.

/// Lines without comments, with those that a backslash continues in one, and the number of the
/// first.
pub(crate) fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut continues = false;
    for (number, line) in text.lines().enumerate() {
        let content = line.split('#').next().unwrap_or_default();
        let part = content.strip_suffix('\\').unwrap_or(content);
        match lines.last_mut().filter(|_| continues) {
            Some((_, last)) => {
                last.push(' ');
                last.push_str(part);
            }
            None => lines.push((number + 1, part.to_owned())),
        }
        continues = content.ends_with('\\');
    }
    lines
}

/// The owner of the rule that the recipe lines below belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    None,
    OfKbuild,
    Other,
}

/// A line of a makefile that is neither a condition nor a recipe.
pub(crate) enum Statement<'a> {
    /// `how` is the character before the `=`, or `=`.
    Assignment {
        name: &'a str,
        how: char,
        value: &'a str,
    },
    Definition(&'a str),
    Include(&'a str),
    Rule(&'a str),
    Call(&'a str),
}

impl Statement<'_> {
    pub(crate) fn of(text: &str) -> Statement<'_> {
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
        // Neither sign counts within `$(…)`.
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

    /// Whose rule the recipe lines behind it belong to; `before` is that of the lines above.
    pub(crate) fn rule(&self, before: Rule) -> Rule {
        const OF_KBUILD: &[&str] = &["$(obj)", "$(src)", "${obj}", "${src}"];
        match self {
            Statement::Rule(targets) => match OF_KBUILD.iter().any(|dir| targets.contains(dir)) {
                true => Rule::OfKbuild,
                false => Rule::Other,
            },
            Statement::Call(_) => before,
            _ => Rule::None,
        }
    }
}
