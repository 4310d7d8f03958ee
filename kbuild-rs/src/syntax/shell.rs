//! Words of a shell.

use std::ffi::OsStr;

/// Quotes a word for `sh`, for people to read and paste.
pub(crate) fn shell_quote(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./+@^-:,%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The words of the first command of a shell line; `None` where a quote does not end.
pub(crate) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ';' | '|' | '&' if word.is_none() => break,
            c if c.is_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next()?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => word.push(chars.next()?),
                        c => word.push(c),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_the_shell_needs_it() {
        assert_eq!(shell_quote(OsStr::new("M=/a/b")), "M=/a/b");
        assert_eq!(shell_quote(OsStr::new("it's")), r"'it'\''s'");
        assert_eq!(shell_quote(OsStr::new("")), "''");
    }

    #[test]
    fn the_first_command_of_a_line_is_split_as_a_shell_would() {
        let line = r#"gcc -DA='"x y"' -DB="a\"b" -c a\ b.c ; ./objtool a.o"#;
        assert_eq!(
            words(line).unwrap(),
            ["gcc", "-DA=\"x y\"", "-DB=a\"b", "-c", "a b.c"]
        );
        assert_eq!(words("gcc 'open"), None);
    }
}
