//! The files that the assembler reads for a source (`.incbin`). No list of headers names them.

use std::path::{Path, PathBuf};

/// The operand of an `.incbin` directive: a file, or a macro for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    File(String),
    Macro(String),
}

/// `PATH_MAX`, and what is in front of a name.
const LONGEST: usize = 4200;

/// The operands in a text of C or assembler.
pub(crate) fn operands(text: &[u8]) -> Vec<Operand> {
    const WORD: &[u8] = b".incbin";
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(WORD.len()).position(|part| part == WORD) {
        rest = &rest[at + WORD.len()..];
        // A line may have any number of directives.
        let line = &rest[..rest.len().min(LONGEST)];
        let line = line.split(|&b| b == b'\n').next().unwrap_or_default();
        found.extend(operand(&String::from_utf8_lossy(line)));
    }
    found
}

/// The operand of a directive: `"fw.bin"`; in a string of C `\"fw.bin\"`, or `\"" FW "\"`; a macro
/// in assembler.
fn operand(line: &str) -> Option<Operand> {
    let is_quote = |c: char| c == '"' || c == '\\';
    let line = line.trim_start();
    let name = line.trim_start_matches(|c| is_quote(c) || c == ' ');
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let in_quotes = line.len() - name.len();
    // `\"" FW "\"`: the string ends before the name.
    let opened = &line[..in_quotes];
    let is_macro = opened.is_empty() || opened.ends_with(' ');
    let end = match is_macro {
        true => name.find(|c| !is_name(c)),
        false => name.find(is_quote),
    };
    let name = &name[..end.unwrap_or(name.len())];
    (!name.is_empty()).then(|| match is_macro {
        true => Operand::Macro(name.to_owned()),
        false => Operand::File(name.to_owned()),
    })
}

/// The files that an operand may mean, in a command that starts in `cwd`.
pub(crate) fn files(operand: &Operand, command: &str, cwd: &Path) -> Vec<PathBuf> {
    let words = || command.split_ascii_whitespace();
    let plain = |text: &str| text.replace(['\'', '"', '\\'], "");
    let name = match operand {
        Operand::File(name) => name.clone(),
        Operand::Macro(name) => {
            let defined = |word: &str| {
                let (defined, value) = word.trim_start_matches(['\'', '"']).split_once('=')?;
                (defined.strip_prefix("-D")? == name).then(|| plain(value))
            };
            match words().find_map(defined) {
                Some(value) => value,
                None => return Vec::new(),
            }
        }
    };
    // The assembler searches the working directory first.
    let folders = words().filter_map(|word| {
        let folder = word
            .strip_prefix("-Wa,-I")
            .or_else(|| word.strip_prefix("-I"))?;
        Some(cwd.join(plain(folder)))
    });
    let folders = std::iter::once(cwd.to_owned()).chain(folders);
    folders
        .map(|folder| folder.join(&name))
        .filter(|file| file.is_file())
        .collect()
}

/// The strings in double quotes of a source. Its macros may turn one into a file name.
pub(crate) fn strings(text: &[u8]) -> Vec<String> {
    let lines = text.split(|&b| b == b'\n');
    let parts = lines.flat_map(|line| line.split(|&b| b == b'"').skip(1));
    let text = parts.map(|part| String::from_utf8_lossy(part).trim_matches('\\').to_owned());
    text.filter(|text| !text.is_empty()).collect()
}

/// The values that a command gives to macros.
pub(crate) fn values(command: &str) -> impl Iterator<Item = String> {
    let words = command.split_ascii_whitespace();
    words.filter_map(|word| {
        let word = word.trim_start_matches(['\'', '"']).strip_prefix("-D")?;
        let value = word.split_once('=')?.1.replace(['\'', '"', '\\'], "");
        (!value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_macros_are_given_are_found() {
        let text = b"#define FW \"/lib/a.bin\"\nINCBIN(fw, \"b.bin\");\nasm(\".incbin \\\"\" FW \"\\\"\");\n";
        let found = strings(text);
        for name in ["/lib/a.bin", "b.bin"] {
            assert!(found.iter().any(|text| text == name), "{found:?}");
        }
        let found: Vec<_> = values("gcc -DA -DB=/x/c.bin '-DC=\"d.bin\"' -DD=").collect();
        assert_eq!(found, ["/x/c.bin", "d.bin"]);
    }

    #[test]
    fn operands_are_found_in_assembler_and_in_strings_of_c() {
        let file = |name: &str| Operand::File(name.to_owned());
        let of_macro = |name: &str| Operand::Macro(name.to_owned());
        for (text, expected) in [
            (".incbin \"fw.bin\"", file("fw.bin")),
            ("\t.incbin\t\"/lib/a b.bin\", 4", file("/lib/a b.bin")),
            ("asm(\".incbin \\\"fw.bin\\\"\\n\");", file("fw.bin")),
            ("asm(\".incbin \\\"\" FW \"\\\"\\n\");", of_macro("FW")),
            (".incbin FW_FILE", of_macro("FW_FILE")),
        ] {
            assert_eq!(operands(text.as_bytes()), [expected], "{text}");
        }
        assert_eq!(operands(b"an .incbin\nor none; .incbin \"\""), []);
        assert_eq!(
            operands(b".incbin \"a\"\n.incbin \"b\"\n"),
            [file("a"), file("b")]
        );
    }

    #[test]
    fn a_file_is_looked_for_where_the_assembler_looks() {
        let root = crate::fixture::Root::new();
        let file = root.write("inc/fw.bin", "");
        let command = format!(
            "gcc -I{0}/inc -DFW=\\\"fw.bin\\\" '-DABS=\"{0}/inc/fw.bin\"'",
            root.path().display()
        );
        for operand in [Operand::File("fw.bin".into()), Operand::Macro("FW".into())] {
            let found = files(&operand, &command, Path::new("/"));
            assert_eq!(found, std::slice::from_ref(&file), "{operand:?}");
        }
        let found = files(&Operand::Macro("ABS".into()), &command, Path::new("/"));
        assert!(found.contains(&file), "{found:?}");
        let found = files(&Operand::Macro("GONE".into()), &command, Path::new("/"));
        assert!(found.is_empty());
    }
}
