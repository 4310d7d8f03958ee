//! Compares docs/vocabulary.md with the sources of the four front ends: each of their words has a
//! row, each word in a row belongs to one of them, and a front end without a word has a reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{run, stdout};

/// A front end: its own words, which all have a row, and its sources, which contain the other words
/// of its column.
struct FrontEnd {
    name: &'static str,
    words: BTreeSet<String>,
    sources: String,
}

impl FrontEnd {
    fn knows(&self, word: &str) -> bool {
        let own = word.rsplit("::").next().unwrap_or(word);
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let mut found = self.sources.match_indices(own);
        self.words.contains(own)
            || found.any(|(at, _)| {
                let (before, behind) = (&self.sources[..at], &self.sources[at + own.len()..]);
                !before.ends_with(is_part) && !behind.starts_with(is_part)
            })
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of all files with this extension in a folder and below it.
fn texts(folder: &str, extension: &str) -> String {
    let mut folders = vec![root().join(folder)];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                text += &fs::read_to_string(&path).unwrap();
            }
        }
    }
    text
}

/// The parts of `text` between `open` and the next `close`.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = text.split(open).skip(1);
    parts.filter_map(move |part| Some(part.split_once(close)?.0))
}

fn library() -> FrontEnd {
    let api = texts("kbuild-rs/src/api/build", "rs")
        + &fs::read_to_string(root().join("kbuild-rs/src/api/build.rs")).unwrap();
    let setters = between(&api, "pub fn ", "{").filter(|it| it.contains("&mut self"));
    let name = |signature: &str| signature.split(['<', '(']).next().map(str::to_owned);
    FrontEnd {
        name: "library",
        words: setters.filter_map(name).collect(),
        sources: texts("kbuild-rs/src", "rs"),
    }
}

/// The flags in the help of a verb, without those that all verbs have.
fn flags(verb: &str) -> BTreeSet<String> {
    let help = stdout(&run([verb, "--help"]));
    // "  -q, --quiet" or "      --target <TARGET>". A line of a description is indented further.
    let options = help.lines().filter_map(|line| {
        let option = line.strip_prefix("      --");
        option.or_else(|| Some(line.strip_prefix("  -")?.split_once(", --")?.1))
    });
    let words = options.filter_map(|option| {
        let name = option.split([' ', '=', '[', '<', '.']).next()?;
        Some(format!("--{name}"))
    });
    let of_all_verbs = ["--help", "--color"];
    words
        .filter(|word| !of_all_verbs.contains(&word.as_str()))
        .collect()
}

fn program() -> FrontEnd {
    FrontEnd {
        name: "program",
        words: &flags("build") | &flags("probe"),
        sources: texts("kbuild-cli/src", "rs")
            + &texts("kbuild-rs/src", "rs")
            + &Vec::from_iter(flags("test")).join(" "),
    }
}

fn cmake() -> FrontEnd {
    let sources = texts("cmake-module", "cmake");
    let mut words = BTreeSet::new();
    for command in ["kbuild_add_module", "kbuild_install", "kbuild_add_test"] {
        // The names that begin like this count too.
        for body in between(&sources, &format!("\nfunction({command}"), "\nendfunction") {
            for arguments in between(body, "cmake_parse_arguments(", ")") {
                let keywords = arguments.split([' ', '"', ';', '\n']);
                let is_keyword = |word: &&str| !word.is_empty() && !word.contains(is_no_keyword);
                let keywords = keywords.filter(is_keyword).map(str::to_owned);
                words.extend(keywords.filter(|word| word.parse::<u8>().is_err()));
            }
        }
    }
    for not_ours in ["PARSE_ARGV", "TARGETS"] {
        words.remove(not_ours);
    }
    FrontEnd {
        name: "CMake",
        words,
        sources,
    }
}

fn is_no_keyword(c: char) -> bool {
    !(c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit())
}

fn meson() -> FrontEnd {
    let sources = texts("meson-module/kbuild_meson", "py");
    let mut words = BTreeSet::new();
    for arguments in between(&sources, "@typed_kwargs(", "\n    def ") {
        for open in ["listed('", "KwargInfo('"] {
            words.extend(between(arguments, open, "'").map(str::to_owned));
        }
        // Meson's own keywords: REQUIRED_KW, ENV_KW.
        let lines = arguments.lines().map(str::trim);
        let of_meson = lines.filter_map(|line| line.trim_end_matches(',').strip_suffix("_KW"));
        words.extend(of_meson.map(str::to_ascii_lowercase));
    }
    FrontEnd {
        name: "Meson",
        words,
        sources,
    }
}

/// The cells of the tables with a column for each front end: first the subject, then the columns.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let rows = rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect());
    rows.filter(|cells: &Vec<&str>| cells.len() == 5 && cells[0] != "concept" && cells[0] != "---")
        .collect()
}

#[test]
fn the_vocabulary_has_every_word_of_the_four_front_ends_and_no_other() {
    let page = fs::read_to_string(root().join("docs/vocabulary.md")).unwrap();
    let rows = rows(&page);
    assert!(rows.len() > 40, "{}", rows.len());
    let mut wrong = Vec::new();
    for (i, front_end) in [library(), program(), cmake(), meson()].iter().enumerate() {
        let name = front_end.name;
        assert!(front_end.words.len() > 10, "{name}: {:?}", front_end.words);
        let mut missing = front_end.words.clone();
        for cells in &rows {
            let cell = cells[i + 1];
            for word in cell.split('`').skip(1).step_by(2) {
                missing.remove(word);
                if !front_end.knows(word) {
                    wrong.push(format!("{}: {name} has no {word}", cells[0]));
                }
            }
            if cell.starts_with('-') {
                match cell.strip_prefix('-').filter(|note| note.starts_with("[^")) {
                    Some(note) if page.contains(&format!("\n{note}: ")) => {}
                    _ => wrong.push(format!(
                        "{}: {name} has nothing, without a reason",
                        cells[0]
                    )),
                }
            }
        }
        let missing = missing.into_iter();
        wrong.extend(missing.map(|word| format!("{name}: no row has {word}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_vocabulary_has_every_flag_of_the_verbs_that_install_sign_package_and_check() {
    let page = fs::read_to_string(root().join("docs/vocabulary.md")).unwrap();
    let table = |head: &str| {
        let (_, table) = page.split_once(head).unwrap();
        let rows = table
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'));
        rows.map(|line| line.trim_matches('|').split(" | ").collect())
            .collect::<Vec<Vec<&str>>>()
    };
    let own = table("| concept | library | flag | verbs |");
    let shared = table("| concept | library (`Install`) | program (`install`) |");
    let has = |verb: &str, flag: &str| {
        let is_named = |cells: &&Vec<&str>| cells[2].contains(&format!("`{flag}`"));
        let of_verb =
            |cells: &Vec<&str>| cells[3].trim() == "all" || cells[3].contains(&format!("`{verb}`"));
        own.iter().filter(is_named).any(of_verb)
            || ["install", "package"].contains(&verb) && shared.iter().any(|cells| is_named(&cells))
    };
    let verbs = [
        "install",
        "uninstall",
        "rollback",
        "status",
        "verify",
        "sign",
        "package",
        "check",
    ];
    for verb in verbs {
        for flag in flags(verb) {
            assert!(has(verb, &flag), "no row has {flag} of {verb}");
        }
    }
}

#[test]
fn the_vocabulary_has_every_flag_of_test() {
    let page = fs::read_to_string(root().join("docs/vocabulary.md")).unwrap();
    let (_, rest) = page.split_once("\n## Testing\n").unwrap();
    let (table, _) = rest.split_once("\n## ").unwrap();
    let rows = rows(table);
    let cells = rows.iter().map(|cells| cells[2]);
    let words = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let known: BTreeSet<String> = words
        .filter(|w| w.starts_with("--"))
        .map(str::to_owned)
        .collect();
    assert_eq!(flags("test"), known);
}

#[test]
fn messages_name_settings_as_the_vocabulary_does() {
    let page = fs::read_to_string(root().join("docs/vocabulary.md")).unwrap();
    let rows = rows(&page);
    let names = fs::read_to_string(root().join("kbuild-rs/src/error/names.rs")).unwrap();
    let names: String = names.split("\\\n").map(str::trim_start).collect();
    let mut seen = 0;
    for text in between(&names, " = \"", "\";\n").chain(between(&names, " =\n    \"", "\";\n")) {
        let (first, rest) = text.split_once("; in CMake, ").unwrap();
        let (cmake, meson) = rest.split_once("; in Meson, ").unwrap();
        let words = first.split([',', ' ', '(']);
        let setter = words.clone().find_map(|word| word.strip_prefix("Build::"));
        // A flag of one letter stands for the long one.
        let flag = words.clone().find(|word| word.starts_with("--"));
        // `-DKDIR=DIR`, `kernel(dir: 'DIR')`, `c of the cross file`
        let cmake = cmake.trim_start_matches("-D").split(['=', ' ']).next();
        let meson = meson.trim_start_matches("kernel(").split([':', ' ']).next();
        let wanted = [setter, flag, cmake, meson];
        let fits = |cells: &&Vec<&str>| {
            let mut words = wanted.iter().zip(&cells[1..]);
            words.all(|(word, cell)| word.is_none_or(|word| cell.contains(&format!("`{word}`"))))
        };
        assert!(rows.iter().any(|cells| fits(&cells)), "{text}: {wanted:?}");
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn the_vocabulary_has_every_key_of_the_json() {
    let page = fs::read_to_string(root().join("docs/vocabulary.md")).unwrap();
    let (_, table) = page.split_once("\n## JSON").unwrap();
    let known: BTreeSet<&str> = table.split('`').skip(1).step_by(2).collect();
    let mut keys = vec!["reason".to_owned()];
    let files = [
        "kbuild-cli/src/ui/installed.rs",
        "kbuild-cli/src/ui/json.rs",
        "kbuild-cli/src/commands/info/mod.rs",
        "kbuild-cli/src/commands/info/requirements.rs",
        "kbuild-cli/src/commands/check.rs",
        "kbuild-cli/src/commands/kernels/row.rs",
        "kbuild-cli/src/commands/package/mod.rs",
        "kbuild-cli/src/commands/sign.rs",
        "kbuild-cli/src/commands/status.rs",
        "kbuild-cli/src/commands/test/json.rs",
        "kbuild-rs/src/error/advice.rs",
        "kbuild-rs/src/error/message.rs",
        "kbuild-rs/src/kernel/compiler.rs",
        "kbuild-rs/src/module/modinfo/mod.rs",
    ];
    for file in files {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for part in text
            .split("serde::Serialize)")
            .chain(text.split("(Serialize)"))
        {
            keys.extend(fields(part));
        }
    }
    keys.retain(|key| !known.contains(key.as_str()));
    assert!(keys.is_empty(), "no row has {keys:?}");
}

/// The keys of the structure or enumeration that is defined at the beginning of `text`.
fn fields(text: &str) -> Vec<String> {
    let (mut keys, mut renamed, mut is_flat) = (Vec::new(), None, false);
    let body = text.split_once("{\n").map_or("", |(_, body)| body);
    for line in body.split("\n}").next().unwrap_or_default().lines() {
        let line = line.trim();
        if let Some((_, name)) = line.split_once("rename = \"") {
            renamed = name.split('"').next();
        }
        is_flat |= line.contains("serde(flatten)");
        let line = line.trim_start_matches("pub(crate) ");
        let line = line
            .trim_start_matches("pub(super) ")
            .trim_start_matches("pub ");
        let Some((key, _)) = line.split_once(": ") else {
            continue;
        };
        if key.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            let name = renamed.take().unwrap_or(key);
            if !std::mem::take(&mut is_flat) {
                keys.push(name.to_owned());
            }
        }
    }
    keys
}
