//! The machine's own apt sources, and other suites of the same mirrors.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// One set of mirrors, suites and components, from either format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    /// A path, fingerprints, or a key's own text on indented lines, unchanged.
    signed_by: Option<String>,
}

/// All binary sources in the configuration of the machine's apt.
pub(super) fn configured(etc_apt: &Path) -> Vec<Entry> {
    let mut files = vec![etc_apt.join("sources.list")];
    if let Ok(parts) = fs::read_dir(etc_apt.join("sources.list.d")) {
        files.extend(parts.flatten().map(|part| part.path()));
    }
    files.sort();
    let mut entries = Vec::new();
    for file in files {
        // apt would not use a folder or an unreadable file for this user either.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => entries.extend(text.lines().filter_map(one_line)),
            Some("sources") => entries.extend(stanzas(&text)),
            _ => {}
        }
    }
    entries
}

/// Parses `deb [signed-by=… arch=…] URI SUITE COMPONENT…`.
fn one_line(line: &str) -> Option<Entry> {
    let line = line.split('#').next()?.trim();
    let mut rest = line
        .strip_prefix("deb")?
        .strip_prefix([' ', '\t'])?
        .trim_start();
    let mut signed_by = None;
    if let Some(options) = rest.strip_prefix('[') {
        let (options, after) = options.split_once(']')?;
        rest = after;
        signed_by = options
            .split_whitespace()
            .find_map(|option| option.strip_prefix("signed-by="))
            .map(|paths| paths.replace(',', " "));
    }
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(Entry {
        uris: vec![words.next()?],
        suites: vec![words.next()?],
        components: words.collect(),
        signed_by,
    })
}

/// Parses deb822: fields of `Name: value`, continued on indented lines, with empty lines between
/// stanzas.
fn stanzas(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            entries.extend(stanza(&fields));
            fields.clear();
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    entries
}

fn stanza(fields: &[(String, String)]) -> Option<Entry> {
    let field = |wanted: &str| {
        fields
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    let words = |wanted: &str| -> Vec<String> {
        field(wanted)
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let off = field("enabled").is_some_and(|value| matches!(value, "no" | "false" | "0"));
    if off || !words("types").iter().any(|kind| kind == "deb") {
        return None;
    }
    Some(Entry {
        uris: words("uris"),
        suites: words("suites"),
        components: words("components"),
        signed_by: field("signed-by").map(str::to_owned),
    })
}

/// The sources of release `wanted` for a machine of release `own`.
///
/// The machine's own entries for `wanted` are used as they are. For each of its other suites, the
/// suite of the same pocket (`-security`, `-updates`) is added, at the same mirror and with the
/// same key.
pub(super) fn of_release(entries: &[Entry], own: &str, wanted: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    for entry in entries {
        for suite in &entry.suites {
            let (base, pocket) = suite.split_once('-').unwrap_or((suite, ""));
            let is_own = base == own || matches!(base, "stable" | "oldstable" | "oldoldstable");
            if !matches!(pocket, "" | "security" | "updates") || !(is_own || base == wanted) {
                continue;
            }
            // Backports do not have such pockets.
            if !pocket.is_empty() && wanted.contains('-') {
                continue;
            }
            let mut derived = entry.clone();
            let dash = if pocket.is_empty() { "" } else { "-" };
            derived.suites = vec![format!("{wanted}{dash}{pocket}")];
            if base != wanted {
                // Another release may lack a component, and kernels are in main.
                derived.components.retain(|component| component == "main");
            }
            if !derived.components.is_empty() && !found.contains(&derived) {
                found.push(derived);
            }
        }
    }
    found
}

/// The entries as a `.sources` file. Only the package lists are needed.
pub(super) fn render(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let (uris, suites) = (entry.uris.join(" "), entry.suites.join(" "));
        let components = entry.components.join(" ");
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "Types: deb\nURIs: {uris}\nSuites: {suites}\nComponents: {components}\nTargets: Packages\n"
        );
        if let Some(key) = &entry.signed_by {
            let _ = writeln!(text, "Signed-By: {key}");
        }
        text.push('\n');
    }
    text
}

/// The suites in words, for messages.
pub(super) fn describe(entries: &[Entry]) -> String {
    let names: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} at {}", entry.suites.join(" "), entry.uris.join(" ")))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEB822: &str = "\
# the comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
# in between
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQ

Enabled: no
Types: deb
URIs: http://off.example
Suites: bookworm
Components: main

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/key.gpg
";

    const ONE_LINE: &str = "\
deb [arch=amd64 signed-by=/a.gpg,/b.gpg] http://mirror.example/debian bookworm main # why not
deb-src http://mirror.example/debian bookworm main
#deb http://off.example bookworm main
deb http://vendor.example ./
";

    fn words(words: &str) -> Vec<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn both_forms_of_configuration_are_understood() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sources.list.d")).unwrap();
        fs::write(dir.path().join("sources.list"), ONE_LINE).unwrap();
        fs::write(dir.path().join("sources.list.d/x.sources"), DEB822).unwrap();
        fs::write(dir.path().join("sources.list.d/y.sources.off"), DEB822).unwrap();
        let entries = configured(dir.path());
        assert_eq!(entries.len(), 4);
        assert_eq!(entries[0].signed_by.as_deref(), Some("/a.gpg /b.gpg"));
        assert_eq!(entries[0].suites, ["bookworm"]);
        assert_eq!(
            entries[2].suites,
            words("bookworm bookworm-updates bookworm-backports")
        );
        assert_eq!(
            entries[2].signed_by.as_deref(),
            Some("\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ")
        );
        assert_eq!(entries[3].uris, ["http://mirror.example/security"]);
    }

    #[test]
    fn another_release_is_asked_at_the_same_mirrors_and_only_for_main() {
        let derived = of_release(&stanzas(DEB822), "bookworm", "bullseye");
        let suites: Vec<&str> = derived
            .iter()
            .map(|entry| entry.suites[0].as_str())
            .collect();
        assert_eq!(
            suites,
            ["bullseye", "bullseye-updates", "bullseye-security"]
        );
        assert!(derived.iter().all(|entry| entry.components == ["main"]));
    }

    #[test]
    fn backports_have_no_security_suite() {
        let derived = of_release(&stanzas(DEB822), "bookworm", "trixie-backports");
        let suites: Vec<_> = derived.iter().flat_map(|entry| &entry.suites).collect();
        assert_eq!(suites, ["trixie-backports"]);
    }

    #[test]
    fn the_machines_own_release_keeps_its_components() {
        let own = of_release(&stanzas(DEB822), "bookworm", "bookworm");
        assert_eq!(own[0].components, words("main contrib"));
    }

    #[test]
    fn a_rendered_entry_reads_back_the_same() {
        let entries = of_release(&stanzas(DEB822), "bookworm", "bullseye");
        assert_eq!(stanzas(&render(&entries)), entries);
    }
}
