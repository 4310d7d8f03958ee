//! Checks `docs/messages.md`, which is made from the table of rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

/// The variable that makes the test write the page.
const WRITE: &str = "WRITE_MESSAGES";

/// The parts of the page around the rules.
const BEGIN: &str = "<!-- rules: made by the library's tests -->\n";
const END: &str = "<!-- end of the rules -->\n";

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
        example
            .output
            .replace("{dir}", "/home/me/driver")
            .trim_end(),
        text.replace(&folder, "/home/me/driver").trim_end(),
    )
}

/// The codes that the sources name elsewhere: `Advice::new("code"`, `.advice("code"`,
/// `warning("code"` and `command("code"`.
fn other_codes(folder: &Path, codes: &mut BTreeSet<String>) {
    const BEFORE: &[&str] = &["Advice::new(", ".advice(", ".warning(", "command("];
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            other_codes(&path, codes);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for before in BEFORE {
            for (_, rest) in text
                .match_indices(before)
                .map(|(at, _)| text[at..].split_at(before.len()))
            {
                let word = rest
                    .trim_start()
                    .strip_prefix('"')
                    .and_then(|rest| rest.split_once('"'));
                let is_code = |word: &&str| {
                    word.contains('-') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
                };
                codes.extend(
                    word.map(|(word, _)| word)
                        .filter(is_code)
                        .map(str::to_owned),
                );
            }
        }
    }
}

#[test]
fn the_page_of_messages_has_every_rule_and_every_other_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = root.join("docs/messages.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let made: String = rules::rules().map(entry).collect();
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, format!("{before}{BEGIN}\n{made}{END}{after}")).unwrap();
    } else {
        let is_made = found.trim() == made.trim();
        assert!(
            is_made,
            "run this test with {WRITE}=1, and commit docs/messages.md"
        );
    }
    let mut codes = BTreeSet::new();
    other_codes(&root.join("kbuild-rs/src"), &mut codes);
    other_codes(&root.join("kbuild-cli/src"), &mut codes);
    assert!(codes.len() > 10, "{codes:?}");
    let missing: Vec<_> = codes
        .iter()
        .filter(|code| !before.contains(&format!("| `{code}` |")))
        .collect();
    assert!(missing.is_empty(), "docs/messages.md lacks {missing:?}");
}
