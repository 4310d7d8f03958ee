//! The text of one `.cmd` file.

use std::path::Path;

/// The files that a `.cmd` file names: in its variables, and in its saved command.
pub(super) fn prerequisites(text: &str) -> impl Iterator<Item = &str> {
    parse(text).chain(saved_command(text).into_iter().flat_map(files))
}

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

/// Whether kbuild knows how the target was made. (A rule may leave an empty `.cmd`, which keeps
/// modpost content.)
pub(crate) fn has_command(text: &str) -> bool {
    saved_command(text).is_some_and(|command| !command.trim().is_empty())
}

/// `savedcmd_foo.o := …`; before 6.2 `cmd_foo.o := …`.
pub(super) fn saved_command(text: &str) -> Option<&str> {
    let is_command = |line: &&str| line.starts_with("savedcmd_") || line.starts_with("cmd_");
    Some(text.lines().find(is_command)?.split_once(":= ")?.1)
}

/// The files that a command names by absolute paths: `/a/b`, `-T/a/b`, `--script=/a/b`,
/// `-Wl,-T,/a/b`, `@/a/b`. Folders are none, so that `-I` and its kin are not asked for.
fn files(command: &str) -> impl Iterator<Item = &str> {
    command.split_ascii_whitespace().filter_map(|word| {
        let word = word.trim_matches(['\'', '"']);
        let path = &word[word.find('/')?..];
        let before = word[..word.len() - path.len()].trim_end_matches(['\'', '"']);
        let whole = before.is_empty() || before == "-T" || before.ends_with(['=', ',', '@']);
        (whole && Path::new(path).is_file()).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_and_the_headers_of_a_cmd_file_are_read() {
        let text = "savedcmd_/s/a.o := gcc -c -o /s/a.o /s/a.c   ; ./tools/objtool/objtool /s/a.o\n\
                    \n\
                    source_/s/a.o := /s/a.c\n\
                    \n\
                    deps_/s/a.o := \\\n    $(wildcard include/config/FOO) \\\n  /usr/x.h \\\n  \
                    ./include/y.h \\\n\n/s/a.o: $(deps_/s/a.o)\n\n$(deps_/s/a.o):\n";
        let paths: Vec<_> = prerequisites(text).collect();
        assert_eq!(paths, ["/s/a.c", "/usr/x.h", "./include/y.h"]);
        assert!(has_command(text) && !has_command("") && !has_command("cmd_a.o := \n"));
    }

    #[test]
    fn files_that_a_command_names_are_read() {
        let dir = std::env::temp_dir().join(format!("kbuild-command-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("x.lds");
        std::fs::write(&file, "").unwrap();
        let (dir, file) = (dir.to_str().unwrap(), file.to_str().unwrap());
        for (word, is_file) in [
            (file.to_owned(), true),
            (format!("-T{file}"), true),
            (format!("-Wl,-T,'{file}'"), true),
            (format!("-Wl,-T,{file}"), true),
            (format!("--script=\"{file}\""), true),
            (format!("'--script={file}'"), true),
            (format!("@{file}"), true),
            (format!("-I{dir}"), false),
            (format!("-DX=a{file}"), false),
            (format!("{file}.gone"), false),
        ] {
            let text = format!("cmd_a.o := ld -r {word} -o a.o");
            let found: Vec<_> = prerequisites(&text).collect();
            assert_eq!(found == [file], is_file, "{word}: {found:?}");
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
