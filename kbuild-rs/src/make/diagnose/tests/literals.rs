//! The string literals of a source in Rust.

/// The texts of all string literals, as far as messages need them: a line that goes on behind a
/// backslash is joined, and an escaped quotation mark stands alone.
pub(super) fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let begins = &rest[at..];
        rest = if begins.starts_with("//") {
            begins.split_once('\n').map_or("", |(_, behind)| behind)
        } else if let Some(text) = begins.strip_prefix('"') {
            let is_raw = rest[..at].ends_with('r');
            let (literal, behind) = if is_raw { raw(text) } else { plain(text) };
            found.push(literal);
            behind
        } else {
            // `'"'` and `'\''` are characters; `'a` may be a lifetime.
            let quotes = ["'\"'", "'\\''", "'\\\"'", "'/'"];
            let quote = quotes.iter().find(|quote| begins.starts_with(**quote));
            &begins[quote.map_or(1, |quote| quote.len())..]
        };
    }
    found
}

/// What a raw literal without `#` holds, and what follows it.
fn raw(text: &str) -> (String, &str) {
    let (literal, behind) = text.split_once('"').unwrap_or((text, ""));
    (literal.to_owned(), behind)
}

/// What a literal holds, and what follows it.
fn plain(text: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (literal, &text[at + 1..]),
            '\\' => match chars.next() {
                Some((_, '\n')) => {
                    let blanks = chars.as_str().len() - chars.as_str().trim_start().len();
                    // Each of them is one byte.
                    if blanks > 0 {
                        chars.nth(blanks - 1);
                    }
                }
                Some((_, 'n')) => literal.push('\n'),
                Some((_, escaped)) => literal.push(escaped),
                None => break,
            },
            c => literal.push(c),
        }
    }
    (literal, "")
}

#[test]
fn a_literal_is_read_as_rustc_reads_it() {
    let source = "// \"no\"\nlet a = '\"'; f(\"one \\\n     two \\\"x\\\"\\n\", r\"raw\\\", 'b');";
    assert_eq!(literals(source), ["one two \"x\"\n", "raw\\"]);
}
