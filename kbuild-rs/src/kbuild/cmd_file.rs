//! The text of one `.cmd` file.

use std::path::{Path, PathBuf};

/// The characters that a shell removes from a word.
const QUOTES: [char; 2] = ['\'', '"'];

/// The paths in a `.cmd` file's `source_` and `deps_` variables.
pub(crate) fn parse(text: &str) -> impl Iterator<Item = &str> {
    let mut in_deps = false;
    text.lines().filter_map(move |line| {
        if let Some(source) = line.strip_prefix("source_") {
            return Some(source.split_once(":= ")?.1.trim());
        }
        if line.starts_with("deps_") && line.contains(":=") {
            in_deps = true;
            return None;
        }
        if !in_deps {
            return None;
        }
        let path = line.trim().trim_end_matches('\\').trim_end();
        if path.is_empty() {
            in_deps = false;
            return None;
        }
        (!path.starts_with("$(")).then_some(path)
    })
}

/// Whether kbuild has saved the command that made the target. (A rule may leave an empty `.cmd`,
/// which keeps modpost content.)
pub(crate) fn has_command(text: &str) -> bool {
    saved_command(text).is_some_and(|command| !command.trim().is_empty())
}

/// The saved command: `savedcmd_foo.o := …`, before 6.2 `cmd_foo.o := …`.
pub(crate) fn saved_command(text: &str) -> Option<&str> {
    let is_command = |line: &&str| line.starts_with("savedcmd_") || line.starts_with("cmd_");
    Some(text.lines().find(is_command)?.split_once(":= ")?.1)
}

/// The words of a command that may name files: `a/b`, `-Ta/b`, `--script=a/b`, `-Wl,-T,a/b`, `@a/b`.
/// Values of macros do not count.
pub(crate) fn names(command: &str) -> impl Iterator<Item = &str> {
    command.split_ascii_whitespace().filter_map(name)
}

/// The part of a command's word that may be a file name.
fn name(word: &str) -> Option<&str> {
    const OTHER: [&str; 6] = ["-D", "-U", "-I", "-L", "-Wp,", "-o"];
    let word = word.trim_matches(QUOTES);
    if OTHER.iter().any(|start| word.starts_with(start)) {
        return None;
    }
    let name = match word.strip_prefix("-T") {
        Some(script) => script,
        None if word.starts_with(['-', '@']) => &word[word.rfind(['=', ',', '@'])? + 1..],
        None => word,
    };
    let name = name.trim_matches(QUOTES);
    (!name.is_empty()).then_some(name)
}

/// Whether a file has the name of a linker script.
pub(crate) fn is_script(path: &str) -> bool {
    path.ends_with(".lds") || path.ends_with(".ld")
}

/// The files that a linker script names in `INCLUDE`.
pub(crate) fn included(script: &str) -> Vec<String> {
    let words: Vec<&str> = script.split_ascii_whitespace().collect();
    let names = words.windows(2).filter(|pair| pair[0] == "INCLUDE");
    names
        .map(|pair| pair[1].trim_matches(['"', ';']).to_owned())
        .collect()
}

/// The places where the linker searches for a file: its own folder, and the folders of `-L`.
pub(crate) fn searched(name: &str, command: &str, cwd: &Path) -> Option<PathBuf> {
    let folders = command
        .split_ascii_whitespace()
        .filter_map(|word| Some(cwd.join(word.strip_prefix("-L")?.trim_matches(QUOTES))));
    let folders = std::iter::once(cwd.to_owned()).chain(folders);
    let mut files = folders.map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn the_files_in_a_linker_script_are_found_where_the_linker_searches() {
        let found = included("INCLUDE a.ld\nSECTIONS { INCLUDE \"b.ld\"; }\n");
        assert_eq!(found, ["a.ld", "b.ld"]);
        assert!(is_script("x.lds") && !is_script("x.ldsx") && !is_script("lds"));
        let root = Root::new();
        let (dir, file) = (root.path(), root.write("sub/a.ld", ""));
        let command = format!("ld -r -L{}/sub -T x.lds", dir.display());
        assert_eq!(searched("a.ld", "ld -r", dir), None);
        assert_eq!(searched("a.ld", &command, dir), Some(file));
    }

    #[test]
    fn the_source_and_the_headers_of_a_cmd_file_are_read() {
        let text = "savedcmd_/s/a.o := gcc -c -o /s/a.o /s/a.c   ; ./tools/objtool/objtool /s/a.o\n\
                    \n\
                    source_/s/a.o := /s/a.c\n\
                    \n\
                    deps_/s/a.o := \\\n    $(wildcard include/config/FOO) \\\n  /usr/x.h \\\n  \
                    ./include/y.h \\\n\n/s/a.o: $(deps_/s/a.o)\n\n$(deps_/s/a.o):\n";
        let paths: Vec<_> = parse(text).collect();
        assert_eq!(paths, ["/s/a.c", "/usr/x.h", "./include/y.h"]);
        assert!(has_command(text) && !has_command("") && !has_command("cmd_a.o := \n"));
    }

    #[test]
    fn files_that_a_command_names_are_read() {
        let root = Root::new();
        let (dir, file) = (root.path(), root.write("x.lds", ""));
        let file = file.to_str().unwrap();
        for (word, named) in [
            (file.to_owned(), Some(file)),
            ("x.lds".to_owned(), Some("x.lds")),
            ("./x.lds".to_owned(), Some("./x.lds")),
            (format!("-T{file}"), Some(file)),
            ("-T ./x.lds".to_owned(), Some("./x.lds")),
            (format!("-Wl,-T,'{file}'"), Some(file)),
            (format!("-Wl,-T,{file}"), Some(file)),
            (format!("--script=\"{file}\""), Some(file)),
            (format!("'--script={file}'"), Some(file)),
            (format!("@{file}"), Some(file)),
            (format!("-I{}", dir.display()), None),
            (format!("-DX={file}"), None),
            (format!("-fmacro-prefix-map={}=", dir.display()), None),
            (format!("{file}.gone"), None),
        ] {
            let text = format!("cmd_a.o := ld -r {word} -o a.o");
            let names = names(saved_command(&text).unwrap());
            let found: Vec<_> = names.filter(|name| dir.join(name).is_file()).collect();
            assert_eq!(found, Vec::from_iter(named), "{word}");
        }
    }
}
