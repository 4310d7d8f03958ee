//! The tables of messages in `docs/`. A test makes those about rules from the table of rules. The
//! others quote the sources, and a test looks for each quotation.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::literals::literals;
use super::*;

/// The variable that has the test write the pages.
const WRITE: &str = "WRITE_MESSAGES";

const END: &str = "<!-- end -->\n";
const INDEX: &str = "<!-- lines: made by the library's tests -->\n";
const ENTRIES: &str = "<!-- rules: made by the library's tests -->\n";
const QUOTES: &str = "<!-- quotes: the library's tests look for them in the sources -->\n";

/// The folder of an example's files, on the page.
const SHOWN: &str = "/home/me/driver";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// What stands before, in and behind the section that a mark begins.
fn section<'a>(page: &'a str, mark: &str) -> [&'a str; 3] {
    let (before, rest) = page.split_once(mark).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    [before, found, after]
}

/// The row of a rule: the first line of its first example, and a link to its entry.
fn row(rule: &rules::Rule) -> String {
    let output = rule.examples.0.output.replace("{dir}", SHOWN);
    let line = output.lines().next().unwrap().replace('|', "\\|");
    format!("| `` {line} `` | [{0}](#{0}) |\n", rule.name)
}

/// The page's entry for a rule: its first example, and the explanation of that.
fn entry(rule: &rules::Rule) -> String {
    let example = &rule.examples.0;
    let root = Root::new();
    let folder = root.join("").components().collect::<PathBuf>();
    let folder = folder.display().to_string();
    let facts = facts_of(example, &root);
    let mut diagnosis = Diagnosis::default();
    let output = example.output.replace("{dir}", &folder);
    for line in output.lines().chain([""]) {
        diagnosis.hear(line, Level::Error, &facts);
    }
    let mut text = diagnosis.explanations(&facts).remove(0).text;
    if rule.name == "limit-reached" {
        // The numbers differ from machine to machine.
        text = text.replace(|c: char| c.is_ascii_digit(), "");
        text = text.replace("is :", "is N:");
    }
    format!(
        "### `{}`\n\n```text\n{}\n```\n\n```text\n{}\n```\n\n",
        rule.name,
        example.output.replace("{dir}", SHOWN).trim_end(),
        text.replace(&folder, SHOWN).trim_end(),
    )
}

/// The sources of the library and the program, without their tests.
fn sources() -> Vec<String> {
    fn add(folder: &Path, texts: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            if name.ends_with("tests") {
                continue;
            }
            if path.is_dir() {
                add(&path, texts);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let tests = text.find("#[cfg(test)]\nmod tests {");
            texts.push(text[..tests.unwrap_or(text.len())].to_owned());
        }
    }
    let mut texts = Vec::new();
    add(&root().join("kbuild-rs/src"), &mut texts);
    add(&root().join("kbuild-cli/src"), &mut texts);
    texts
}

/// The codes that the sources name besides the rules: `Advice::new("code"`, `.advice("code"`,
/// `warning("code"` and `command("code"`, and those of file errors.
fn other_codes() -> BTreeSet<String> {
    const BEFORE: &[&str] = &[
        "Advice::new(",
        ".advice(",
        ".warning(",
        "command(",
        "failed, ",
        "Some((",
    ];
    let is_code = |word: &&str| {
        word.contains('-')
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let mut codes = BTreeSet::new();
    for text in sources() {
        for before in BEFORE {
            let named = text.split(before).skip(1).filter_map(|rest| {
                let (word, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
                Some(word).filter(is_code).map(str::to_owned)
            });
            codes.extend(named);
        }
    }
    codes
}

/// The cells of a table's rows, without its head.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// The texts in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_page_of_messages_has_every_rule_and_every_other_code() {
    let mut text = page("messages.md");
    let head = "\n| line | explanation |\n| --- | --- |\n".to_owned();
    let index = head + &rules::rules().map(row).collect::<String>() + "\n";
    let entries = "\n".to_owned() + &rules::rules().map(entry).collect::<String>();
    for (mark, made) in [(INDEX, index), (ENTRIES, entries)] {
        let [before, found, after] = section(&text, mark);
        if std::env::var_os(WRITE).is_none() {
            assert_eq!(
                found, made,
                "run this test with {WRITE}=1, and commit docs/messages.md"
            );
        }
        text = format!("{before}{mark}{made}{END}{after}");
    }
    if std::env::var_os(WRITE).is_some() {
        fs::write(root().join("docs/messages.md"), &text).unwrap();
    }
    let [_, table, _] = section(&text, QUOTES);
    let rows = rows(table);
    let listed: BTreeSet<String> = rows
        .iter()
        .flat_map(|row| quoted(row[0]).map(str::to_owned))
        .collect();
    assert_eq!(listed, other_codes());
}

/// `…` stands for what a message names: a path, a release, a number.
#[test]
fn each_message_that_the_docs_quote_is_one_of_the_sources() {
    let sources = sources();
    let messages: Vec<String> = sources.iter().flat_map(|text| literals(text)).collect();
    let is_there = |quote: &str| {
        messages.iter().any(|message| {
            let mut rest = message.as_str();
            let mut parts = quote.split('…').map(str::trim);
            parts.all(|part| match rest.split_once(part) {
                Some((_, behind)) => {
                    rest = behind;
                    true
                }
                None => false,
            })
        })
    };
    for name in ["messages.md", "rust-modules.md"] {
        let text = page(name);
        let [_, table, _] = section(&text, QUOTES);
        // The last column of one page, the first one of the other.
        let column = if name == "messages.md" { 2 } else { 0 };
        for row in rows(table) {
            let mut quotes = quoted(row[column]).peekable();
            assert!(quotes.peek().is_some(), "{name} quotes nothing in {row:?}");
            for quote in quotes {
                let words = quote.split(['…', ' ']).filter(|word| !word.is_empty());
                assert!(words.count() >= 3, "{name}: {quote} is in many messages");
                assert!(is_there(quote), "{name}: no message says {quote}");
            }
        }
    }
}

#[test]
fn the_page_of_rust_links_to_every_rule_about_rust() {
    let text = page("rust-modules.md");
    for rule in rules::rules().filter(|rule| rule.name.starts_with("rust-")) {
        let link = format!("](messages.md#{})", rule.name);
        assert!(text.contains(&link), "no row leads to {}", rule.name);
    }
}
