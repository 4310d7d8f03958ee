//! The output of a compiler that was asked.

use std::path::{Path, PathBuf};

use super::group::{Group, MARK};
use super::{FOLDERS, STATUS, TREE};
use crate::make::probes;

/// The largest exit code of a program that no signal ended.
const LAST_CODE: i32 = 128;

/// The answer to the questions of one source.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The keys of the questions whose answer is no.
    pub(crate) no: Vec<String>,
    /// The headers that the compiler read, as it named them.
    pub(crate) headers: Vec<String>,
    /// Files that may come into being, and would change the answer.
    pub(crate) missing: Vec<PathBuf>,
    /// The compiler's output without the list of headers.
    pub(crate) said: String,
}

impl Verdict {
    /// Reads the answer of make's recipe. Relative paths start at `cwd`. `searched` are the header
    /// folders in the caller's flags.
    ///
    /// # Errors
    /// The compiler's output, if it is not an honest answer: the compiler died or refused its
    /// command line.
    pub(crate) fn of(
        group: &Group,
        output: &[u8],
        cwd: &Path,
        searched: &[PathBuf],
    ) -> Result<Verdict, String> {
        let text = String::from_utf8_lossy(output);
        let mut lines = text.lines();
        let mut folders: Vec<_> = searched.iter().map(|folder| cwd.join(folder)).collect();
        let mut rest = lines.by_ref().skip_while(|line| *line != FOLDERS).skip(1);
        let mut said = Vec::new();
        let mut headers = Vec::new();
        let mut code = None;
        let mut is_list = false;
        let mut has_tree = false;
        for line in rest.by_ref() {
            if let Some(folder) = line.strip_prefix("-I").filter(|_| said.is_empty()) {
                folders.push(cwd.join(folder));
            } else if line == TREE {
                has_tree = true;
                break;
            } else if let Some(status) = line.strip_prefix(STATUS) {
                code = status.trim().parse::<i32>().ok();
            } else if let Some(header) = header(line) {
                headers.push(header.to_owned());
            } else if line == "Multiple include guards may be useful for:" {
                is_list = true;
            } else if !is_list || line.starts_with(' ') || line.contains(": ") {
                said.push(line);
            }
        }
        let said: String = said.iter().map(|line| format!("{line}\n")).collect();
        let Some(code) = code.filter(|code| *code <= LAST_CODE) else {
            return Err(said);
        };
        if let Some(why) = has_tree.then(|| without_headers(rest)).flatten() {
            return Err(said + &why);
        }
        let mut looked_for = group.looked_for();
        let mut no = Vec::new();
        if code != 0 {
            let blamed = blamed(&said, &mut looked_for).ok_or_else(|| said.clone())?;
            no = match blamed {
                Blamed::All => group.keys.clone(),
                Blamed::Some(keys) => keys,
            };
        }
        let mut missing = Vec::new();
        for name in &looked_for {
            for file in folders.iter().map(|folder| folder.join(name)) {
                match file.exists() {
                    true => headers.push(file.to_string_lossy().into_owned()),
                    false => missing.push(file),
                }
            }
        }
        headers.sort();
        headers.dedup();
        Ok(Verdict {
            no,
            headers,
            missing,
            said,
        })
    }
}

/// A sentence about a kernel tree whose `linux/module.h` does not compile, and the compiler's output;
/// `None` if it compiles.
fn without_headers<'l>(lines: impl Iterator<Item = &'l str>) -> Option<String> {
    let mut text = "linux/module.h does not compile with the same flags. The kernel tree is not \
                    prepared for modules, or a flag hides its headers:\n"
        .to_owned();
    for line in lines {
        if line.strip_prefix(STATUS).map(str::trim) == Some("0") {
            return None;
        }
        if !line.starts_with(STATUS) && header(line).is_none() {
            text.push_str(line);
            text.push('\n');
        }
    }
    Some(text)
}

/// The questions of a source that do not compile.
enum Blamed {
    All,
    Some(Vec<String>),
}

/// The questions that errors belong to; `None` if the compiler died or stopped early. Adds headers
/// that it missed to `looked_for`.
fn blamed(said: &str, looked_for: &mut Vec<String>) -> Option<Blamed> {
    let mut keys = Vec::new();
    let mut all = false;
    let mut misses_header = false;
    let mut lines = said.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((place, message)) = honest(line) else {
            // Lines that quote the source may hold any word. gcc indents them, clang does not.
            let is_quoted = line.starts_with(' ') || lines.peek().is_some_and(|l| is_marker(l));
            if is_quoted || is_context(line) {
                continue;
            }
            // A missing header stops the compiler too, and decides about all questions.
            let is_stop = line.starts_with("compilation terminated") && !misses_header
                || line.contains("too many errors emitted");
            if is_stop || probes::is_death(line) {
                return None;
            }
            continue;
        };
        match missing_header(message) {
            Some(header) => {
                misses_header = true;
                looked_for.push(header.to_owned());
            }
            // The compiler cannot read or write a file.
            None if line.contains(": fatal error: ") => return None,
            None => {}
        }
        let key = place.strip_prefix(MARK).map(|key| key.to_owned());
        match key {
            Some(key) => keys.push(key),
            None => all = true,
        }
    }
    match (all, keys.is_empty()) {
        (true, _) => Some(Blamed::All),
        (false, false) => Some(Blamed::Some(keys)),
        (false, true) => None,
    }
}

/// The file and the message of an error about a line of the source, of the compiler or the
/// assembler.
fn honest(line: &str) -> Option<(&str, &str)> {
    let (place, message) = [": error: ", ": fatal error: ", ": Error: "]
        .iter()
        .find_map(|mark| line.split_once(mark))?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (place, number) = place.rsplit_once(':')?;
    let place = match place.rsplit_once(':') {
        Some((file, line)) if is_number(line) && is_number(number) => file,
        _ if is_number(number) => place,
        _ => return None,
    };
    Some((place, message))
}

/// Whether a line only says where the compiler is, or is no error. The names in it may be any words.
fn is_context(line: &str) -> bool {
    let marks = [
        ": warning: ",
        ": note: ",
        ": In function ",
        ": Assembler messages:",
    ];
    line.starts_with("In file included from ")
        || line.ends_with(": At top level:")
        || marks.iter().any(|mark| line.contains(mark))
}

/// Whether a line marks a place in the line of source above it.
fn is_marker(line: &str) -> bool {
    line.contains('^') && line.chars().all(|c| " ^~|-".contains(c))
}

/// The header that gcc (`x.h: No such file or directory`) or clang (`'x.h' file not found`) missed.
fn missing_header(message: &str) -> Option<&str> {
    if let Some(name) = message.strip_suffix(": No such file or directory") {
        return Some(name);
    }
    let name = message.strip_suffix(" file not found")?;
    name.strip_prefix('\'')?.strip_suffix('\'')
}

/// The header in a line of `-H`: `.. ./include/linux/types.h`.
fn header(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('.');
    (rest.len() < line.len())
        .then(|| rest.strip_prefix(' '))?
        .filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(keys: &[&str]) -> Group {
        Group {
            name: "parsed-0".into(),
            text: Vec::new(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        }
    }

    fn of(output: &str) -> Result<Verdict, String> {
        let output = format!("{FOLDERS}\n-I./include\n-I/src/include\n{output}");
        let group = group(&["a", "b"]);
        Verdict::of(&group, output.as_bytes(), Path::new("/k"), &["own".into()])
    }

    #[test]
    fn errors_belong_to_the_question_whose_lines_they_name() {
        let none =
            of(". ./include/a.h\n.. include/b.h\nx.c:1:2: warning: w\nkbuild-rs-status: 0\n");
        let none = none.unwrap();
        assert!(none.no.is_empty());
        assert_eq!(none.headers, ["./include/a.h", "include/b.h"]);
        assert_eq!(none.said, "x.c:1:2: warning: w\n");
        let one = of(&format!(
            "{MARK}b: In function 'f':\n{MARK}b:3:20: error: 'x' undeclared\n\
             Multiple include guards may be useful for:\n./include/a.h\nkbuild-rs-status: 1\n"
        ));
        let one = one.unwrap();
        assert_eq!(one.no, ["b"]);
        assert!(!one.said.contains("include/a.h"), "{}", one.said);
        let all = of("/s/x.c:1:10: error: unknown type name 'foo'\nkbuild-rs-status: 1\n");
        assert_eq!(all.unwrap().no, ["a", "b"]);
    }

    #[test]
    fn a_quoted_line_may_hold_any_word() {
        for quote in [
            "    3 | int Killed = temporary;\n      |     ^~~~",
            "int Killed = temporary;\n             ^",
        ] {
            let text = format!("{MARK}a:3:5: error: x\n{quote}\nkbuild-rs-status: 1\n");
            assert_eq!(of(&text).unwrap().no, ["a"], "{quote}");
        }
    }

    #[test]
    fn names_in_lines_of_context_may_hold_any_word() {
        for line in [
            "In file included from /s/temporary/a.h:1:",
            "/s/temporary/x.c: In function 'Killed':",
            "/s/temporary/x.c: At top level:",
            "/s/temporary/x.c:3:2: warning: Killed [-Wx]",
            "/s/temporary/x.c:3:2: note: declared here",
            "/s/temporary/x.c: Assembler messages:",
        ] {
            let text = format!("{line}\n{MARK}a:3:5: error: x\nkbuild-rs-status: 1\n");
            assert_eq!(of(&text).unwrap().no, ["a"], "{line}");
        }
    }

    #[test]
    fn a_missing_header_is_a_no_only_if_the_kernel_has_its_headers() {
        let first = "x.c:1:10: fatal error: linux/x.h: No such file or directory\n\
            compilation terminated.\nkbuild-rs-status: 1\nkbuild-rs-tree:\n";
        let good = format!("{first}. ./include/linux/module.h\nkbuild-rs-status: 0\n");
        let good = of(&good).unwrap();
        assert_eq!(good.no, ["a", "b"]);
        assert!(good.headers.is_empty() && !good.said.contains("tree"));
        for rest in [
            "k.h:1:2: fatal error: generated/bounds.h: No such file or directory\n\
             kbuild-rs-status: 1\n",
            "",
        ] {
            let said = of(&format!("{first}{rest}")).unwrap_err();
            assert!(said.contains("linux/x.h"), "{said}");
            assert!(said.contains("linux/module.h does not compile"), "{said}");
            assert_eq!(said.contains("bounds.h"), !rest.is_empty(), "{said}");
            assert!(!said.contains("kbuild-rs-"), "{said}");
        }
    }

    #[test]
    fn a_missing_header_is_watched_in_each_folder() {
        for line in [
            "/s/x.c:1:10: fatal error: linux/x.h: No such file or directory",
            "/s/x.c:1:10: fatal error: 'linux/x.h' file not found",
        ] {
            let verdict = of(&format!("{line}\nkbuild-rs-status: 1\n")).unwrap();
            assert_eq!(verdict.no.len(), 2);
            let files = [
                "/k/own/linux/x.h",
                "/k/./include/linux/x.h",
                "/src/include/linux/x.h",
            ];
            assert_eq!(verdict.missing, files.map(PathBuf::from));
        }
    }

    #[test]
    fn a_compiler_that_died_or_refused_its_flags_gives_no_answer() {
        for output in [
            "",
            "x.c:1:2: error: x\n",
            "x.c:1:2: error: x\nkbuild-rs-status: 137\n",
            "gcc: error: unrecognized command-line option '-fx'\nkbuild-rs-status: 1\n",
            "x.c:1:2: internal compiler error: Segmentation fault\nkbuild-rs-status: 1\n",
            "/s/x.c:1:1: fatal error: error writing to /tmp/x.s: No space left on device\n\
             compilation terminated.\nkbuild-rs-status: 1\n",
            "x.c:1:2: error: x\ngcc: fatal error: Killed signal terminated program cc1\n\
             kbuild-rs-status: 1\n",
            "kbuild-rs-status: 1\n",
            "x.c:1:2: error: x\ncompilation terminated due to -fmax-errors=1.\n\
             kbuild-rs-status: 1\n",
            "x.c:1:2: error: x\nfatal error: too many errors emitted, stopping now \
             [-ferror-limit=]\nkbuild-rs-status: 1\n",
        ] {
            assert!(of(output).is_err(), "{output}");
        }
    }
}
