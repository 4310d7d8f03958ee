//! The files of a Rust crate: those that its root reaches by `mod`, `#[path]`, `include!`,
//! `include_str!` and `include_bytes!`.
//!
//! They must be staged before rustc runs, and only rustc knows them exactly. So this searches the
//! text of the source: it includes files under any `cfg`, and skips missing ones. An additional
//! file does no harm.

use std::path::{Path, PathBuf};

use crate::sys::{normal, regular};

/// The existing files that `root` reaches, without `root` itself.
pub(crate) fn reached(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // (file, the folder of its modules)
    let mut open = vec![(root.to_owned(), folder(root))];
    while let Some((file, modules)) = open.pop() {
        // rustc reports a file that cannot be read.
        let text = regular::read_to_string(&file).unwrap_or_default();
        each_named(&text, &mut |kind, rel| {
            // rustc reads a file with an absolute path at that path.
            if rel.is_absolute() {
                return;
            }
            let (path, own) = match kind {
                Kind::Module => (modules.join(rel), modules.join(rel.with_extension(""))),
                Kind::ModuleAt | Kind::Source | Kind::Data => {
                    let path = folder(&file).join(rel);
                    let own = folder(&path);
                    (path, own)
                }
                Kind::ModuleBelowAt => {
                    let path = modules.join(rel);
                    let own = folder(&path);
                    (path, own)
                }
            };
            let path = normal(&path);
            // The modules of `x/mod.rs` are beside it.
            let own = match path.ends_with("mod.rs") {
                true => folder(&path),
                false => own,
            };
            if path == root || found.contains(&path) || !path.is_file() {
                return;
            }
            if kind != Kind::Data {
                open.push((path.clone(), own));
            }
            found.push(path);
        });
    }
    found
}

/// The other place where rustc looks for a `mod`: `x/mod.rs` for `x.rs`, and `x.rs` for `x/mod.rs`.
pub(crate) fn other_place(file: &Path) -> Option<PathBuf> {
    if file.file_name()? == "mod.rs" {
        return Some(file.parent()?.with_extension("rs"));
    }
    (file.extension()? == "rs").then(|| file.with_extension("").join("mod.rs"))
}

fn folder(file: &Path) -> PathBuf {
    file.parent().unwrap_or(file).to_owned()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::resolve) enum Kind {
    /// A `mod`: below the folder of the file's modules.
    Module,
    /// A `mod` with `#[path]`: beside the file.
    ModuleAt,
    /// A `mod` with `#[path]` in an inline module: below the folder of that module's files.
    ModuleBelowAt,
    /// An `include!`: beside the file.
    Source,
    /// An `include_str!` or `include_bytes!`: beside the file.
    Data,
}

/// Calls `visit` for each file that a source names. A list could be far longer than the source: each
/// file in a nest of modules has the names of all modules around it.
pub(in crate::resolve) fn each_named(text: &str, visit: &mut dyn FnMut(Kind, &Path)) {
    let mut ahead = Ahead::new(text);
    let mut paths: Vec<&str> = Vec::new();
    // The inline modules around this place, and the depth of braces of each one.
    let mut around: Vec<(&str, usize)> = Vec::new();
    let mut depth = 0;
    while let Some((token, next)) = ahead.next() {
        match (token, next[0], next[1]) {
            // An attribute, or a `cfg_attr`.
            (Token::Word("path"), Some(Token::Mark('=')), Some(Token::Text(path))) => {
                paths.push(path);
            }
            (Token::Word("mod"), Some(Token::Word(name)), Some(Token::Mark(mark))) => {
                let name = name.strip_prefix("r#").unwrap_or(name);
                if mark == '{' {
                    // A `#[path]` replaces the folder's name.
                    around.push((paths.last().copied().unwrap_or(name), depth));
                } else if let Some(dir) = folder_of(&around).filter(|_| mark == ';') {
                    let kind = match around.is_empty() {
                        true => Kind::ModuleAt,
                        false => Kind::ModuleBelowAt,
                    };
                    paths.iter().for_each(|path| visit(kind, &dir.join(path)));
                    visit(Kind::Module, &dir.join(format!("{name}.rs")));
                    visit(Kind::Module, &dir.join(name).join("mod.rs"));
                }
            }
            (
                Token::Word(word @ ("include" | "include_str" | "include_bytes")),
                Some(Token::Mark('!')),
                Some(Token::Mark('(' | '[' | '{')),
            ) => {
                if let Some(Token::Text(path)) = next[2] {
                    let kind = match word {
                        "include" => Kind::Source,
                        _ => Kind::Data,
                    };
                    visit(kind, Path::new(path));
                }
            }
            (Token::Mark('{'), ..) => depth += 1,
            (Token::Mark('}'), ..) => {
                depth = usize::saturating_sub(depth, 1);
                if around.last().is_some_and(|(_, outer)| *outer == depth) {
                    around.pop();
                }
            }
            _ => {}
        }
        if matches!(token, Token::Mark(';' | '{' | '}')) {
            paths.clear();
        }
    }
}

/// The folder of the inline modules around a place; `None` if no path can be so long.
fn folder_of(around: &[(&str, usize)]) -> Option<PathBuf> {
    const PATH_MAX: usize = 4096;
    let mut length = 0;
    let mut dir = PathBuf::new();
    for (name, _) in around {
        length += name.len() + 1;
        if length > PATH_MAX {
            return None;
        }
        dir.push(name);
    }
    Some(dir)
}

/// The tokens of a source, each with the three that follow it.
struct Ahead<'a> {
    tokens: Tokens<'a>,
    /// The next four.
    next: [Option<Token<'a>>; 4],
}

impl<'a> Ahead<'a> {
    fn new(text: &'a str) -> Ahead<'a> {
        let mut tokens = Tokens(text);
        let next = std::array::from_fn(|_| tokens.next());
        Ahead { tokens, next }
    }

    fn next(&mut self) -> Option<(Token<'a>, [Option<Token<'a>>; 3])> {
        let [first, second, third, fourth] = self.next;
        self.next = [second, third, fourth, self.tokens.next()];
        Some((first?, [second, third, fourth]))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// The contents of a string, with its escapes. A source's path has none.
    Text(&'a str),
    Mark(char),
}

/// The words, strings and marks of a source, without comments and character literals.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.0;
            let c = rest.chars().next()?;
            if rest.starts_with("//") {
                self.0 = rest.find('\n').map_or("", |end| &rest[end..]);
            } else if rest.starts_with("/*") {
                self.0 = &rest[comment(rest)..];
            } else if is_word(c) {
                let (token, after) = word(rest);
                self.0 = after;
                return Some(token);
            } else if c == '"' {
                let length = string(&rest[1..]);
                self.0 = rest.get(length + 2..).unwrap_or_default();
                return Some(Token::Text(&rest[1..1 + length]));
            } else if c == '\'' {
                self.0 = &rest[character(rest)..];
            } else {
                self.0 = &rest[c.len_utf8()..];
                if !c.is_whitespace() {
                    return Some(Token::Mark(c));
                }
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The word or the raw string at the start of a text, and the rest.
fn word(text: &str) -> (Token<'_>, &str) {
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    let marks = after.len() - after.trim_start_matches('#').len();
    let raw = word.ends_with('r') && word.len() <= 2;
    if raw && after[marks..].starts_with('"') {
        let inside = &after[marks + 1..];
        let end = format!("\"{}", "#".repeat(marks));
        let length = inside.find(&end).unwrap_or(inside.len());
        let rest = inside.get(length + end.len()..).unwrap_or_default();
        (Token::Text(&inside[..length]), rest)
    } else if word == "r" && marks == 1 {
        let name = after[1..].find(|c| !is_word(c)).unwrap_or(after.len() - 1);
        (Token::Word(&text[..end + 1 + name]), &after[1 + name..])
    } else {
        (Token::Word(word), after)
    }
}

/// The length of the comment at the start of `text`. Comments nest.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let step = match text.as_bytes()[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                2
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += step;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of a string's contents.
fn string(text: &str) -> usize {
    let mut escaped = false;
    text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
    .unwrap_or(text.len())
}

/// The length of the character literal, or of a lifetime's quote, at the start of `text`.
fn character(text: &str) -> usize {
    let mut inside = text[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), Some(escaped)) => {
            let from = 2 + escaped.len_utf8();
            text[from..]
                .find('\'')
                .map_or(text.len(), |end| from + end + 1)
        }
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    fn files(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        each_named(text, &mut |kind, path| {
            all.push(format!("{kind:?} {}", path.display()));
        });
        all
    }

    #[test]
    fn modules_and_included_files_are_found_in_any_surroundings() {
        let text = r##"
            //! mod not_this;
            /* mod nor; /* mod this; */ mod either; */
            pub(crate) mod r#fn;
            const A: &str = "mod x; \" mod y;"; const B: &[u8] = br#"mod " z;"#;
            const C: [char; 3] = ['"', '\'', '{'];
            fn f<'a>(x: &'a str) -> &'a str { include_str!("text/a.txt") }
            #[cfg(one)] #[path = "other/place.rs"] mod here;
            mod outer { fn g() {} pub mod inner; #[path = "x.rs"] mod y; }
            #[path = "folder"] mod moved { mod z; }
            mod last; include!("more.in");
            include!(concat!(env!("X"), "/y.rs"));
        "##;
        let expected = [
            "Module fn.rs",
            "Module fn/mod.rs",
            "Data text/a.txt",
            "ModuleAt other/place.rs",
            "Module here.rs",
            "Module here/mod.rs",
            "Module outer/inner.rs",
            "Module outer/inner/mod.rs",
            "ModuleBelowAt outer/x.rs",
            "Module outer/y.rs",
            "Module outer/y/mod.rs",
            "Module folder/z.rs",
            "Module folder/z/mod.rs",
            "Module last.rs",
            "Module last/mod.rs",
            "Source more.in",
        ];
        assert_eq!(files(text), expected);
    }

    #[test]
    fn a_source_that_ends_in_the_middle_of_something_is_read_to_its_end() {
        for text in [
            "\"", "r#\"", "/* /*", "'", "'\\", "'\\u{1", "r#", "mod", "mod x", "// é", "\"é\\",
            "b'", "br", "path = ", "}}}", "'é'", "r###",
        ] {
            assert_eq!(files(text), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn each_file_is_looked_for_where_rustc_looks() {
        let root = Root::new();
        let place = |name: &str| root.join(name);
        for (name, text) in [
            (
                "src/hello.rs",
                "mod a; mod b; mod absent; mod hello; include!(\"in/more.in\"); include!(\"/etc/hosts\");",
            ),
            (
                "src/in/more.in",
                "mod there; const X: &str = include_str!(\"x.txt\"); include!(\"more.in\");",
            ),
            ("src/in/there.rs", ""),
            ("src/in/x.txt", "include_str!(\"../main.rs\")"),
            ("src/a.rs", "mod below; include_str!(\"a.txt\");"),
            ("src/a/below.rs", "#[path = \"../odd.rs\"] mod odd;"),
            ("src/odd.rs", "mod beside;"),
            ("src/beside.rs", ""),
            ("src/a.txt", "mod unseen;"),
            ("src/b/mod.rs", "mod c;"),
            ("src/b/c.rs", "mod d { mod e; }"),
            ("src/b/c/d/e.rs", ""),
            ("src/unseen.rs", ""),
            ("src/main.rs", ""),
        ] {
            root.write(name, text);
        }
        let mut found = reached(&place("src/hello.rs"));
        found.sort();
        let expected = [
            "src/a/below.rs",
            "src/a.rs",
            "src/a.txt",
            "src/b/c/d/e.rs",
            "src/b/c.rs",
            "src/b/mod.rs",
            "src/beside.rs",
            "src/in/more.in",
            "src/in/there.rs",
            "src/in/x.txt",
            "src/odd.rs",
        ];
        assert_eq!(found, expected.map(place));
    }
}
