//! Reads the output of make and its compilers: maps paths back to the sources, and classifies
//! lines.

use std::path::{Path, PathBuf};

use super::lines::Stream;
use super::rustc;
use crate::error::{Level, Message};
use crate::kernel::is_of_loader;

/// Stage paths and the source paths that they stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct PathMap {
    /// Pairs with the longest stage path first, so that the closest one decides.
    pairs: Vec<(PathBuf, PathBuf)>,
    /// make's working directory since 6.13. Messages are relative to it.
    module_dir: PathBuf,
}

impl PathMap {
    pub(crate) fn new(module_dir: &Path, mut pairs: Vec<(PathBuf, PathBuf)>) -> Self {
        pairs.sort_by_key(|(stage, _)| std::cmp::Reverse(stage.as_os_str().len()));
        PathMap {
            pairs,
            module_dir: module_dir.to_owned(),
        }
    }

    /// The pairs (stage path, source path), the closest one last. Compilers take prefix maps in
    /// that order: the last one that fits wins.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = &(PathBuf, PathBuf)> {
        self.pairs.iter().rev()
    }

    /// A pair whose folder is below the module folder, as prefixes of paths relative to the module
    /// folder: `src/` for `""`.
    pub(crate) fn relative(&self, stage: &Path, source: &Path) -> Option<(PathBuf, PathBuf)> {
        let staged = stage.strip_prefix(&self.module_dir).ok()?;
        if staged.as_os_str().is_empty() {
            return None;
        }
        let own = self.source(&self.module_dir);
        let by_hand = source.strip_prefix(own).unwrap_or(source);
        // A prefix ends with a slash, unless it is empty.
        let by_hand = match by_hand.as_os_str().is_empty() {
            true => PathBuf::new(),
            false => by_hand.join(""),
        };
        Some((staged.join(""), by_hand))
    }

    /// The source path of a path in the stage. Any other path stays as it is.
    pub(crate) fn source(&self, path: &Path) -> PathBuf {
        for (stage, source) in &self.pairs {
            if let Ok(rest) = path.strip_prefix(stage) {
                return if rest.as_os_str().is_empty() {
                    source.clone()
                } else {
                    source.join(rest)
                };
            }
        }
        path.to_owned()
    }

    /// A line with all stage paths replaced. A relative path at the start of a compiler's message
    /// gets its folder.
    pub(crate) fn line(&self, line: &str) -> String {
        let whole = match rustc::names_files(line) {
            true => Some(self.in_quotes(line)),
            false => self.made_whole(line),
        };
        self.text(whole.as_deref().unwrap_or(line))
    }

    /// The line with the stage's folders replaced where a quoted path begins with one: `"src/x.rs"`.
    fn in_quotes(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (stage, source) in &self.pairs {
            if let Some((staged, _)) = self.relative(stage, source) {
                for quote in ['"', '`'] {
                    let from = format!("{quote}{}", staged.display());
                    line = line.replace(&from, &format!("{quote}{}/", source.display()));
                }
            }
        }
        line
    }

    /// A text with all stage paths in it replaced.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (stage, source) in &self.pairs {
            if let Some(stage) = stage.to_str() {
                text = replace_path(&text, stage, &source.to_string_lossy());
            }
        }
        text
    }

    /// Adds the module folder in front of `src/hello.c:3:1: …` if that file exists there. In
    /// `  --> hello.rs:3:1`, rustc has already applied its path map, so the source folder is added.
    fn made_whole(&self, line: &str) -> Option<String> {
        let arrow = ["--> ", "::: "].into_iter().find_map(|arrow| {
            let at = line.find(arrow)?;
            line[..at].trim().is_empty().then_some(at + arrow.len())
        });
        if let Some(at) = arrow {
            let path = line[at..].split(':').next()?;
            let whole = self.source(&self.module_dir).join(path);
            return (!path.starts_with('/') && whole.is_file()).then(|| {
                format!(
                    "{}{}{}",
                    &line[..at],
                    whole.display(),
                    &line[at + path.len()..]
                )
            });
        }
        const LEADS: &[&str] = &["In file included from ", "                 from ", ""];
        let lead = LEADS.iter().find(|lead| line.starts_with(**lead))?;
        let rest = &line[lead.len()..];
        let path = &rest[..rest.find(':')?];
        let relative = !path.is_empty() && !path.starts_with(['/', ' ']);
        (relative && self.module_dir.join(path).is_file())
            .then(|| format!("{lead}{}/{rest}", self.module_dir.display()))
    }

    fn target(&self, target: &str) -> String {
        self.source(&self.module_dir.join(target))
            .to_string_lossy()
            .into_owned()
    }
}

/// Replaces `from` if it is a whole leading part of a path.
fn replace_path(text: &str, from: &str, to: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let after = &rest[at + from.len()..];
        let whole = !after
            .chars()
            .next()
            .is_some_and(|c| c.is_alphanumeric() || "_-+.@~".contains(c));
        result.push_str(&rest[..at]);
        result.push_str(if whole { to } else { from });
        rest = after;
    }
    result + rest
}

/// A step that kbuild announces (`  CC [M]  hello.o`): its word and its target.
fn step(line: &str) -> Option<(&str, &str)> {
    let text = line.strip_prefix("  ")?;
    let end = text.find(' ')?;
    let word = &text[..end];
    let is_word = word.starts_with(|c: char| c.is_ascii_uppercase())
        && word
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    if !is_word || word.len() < 2 {
        return None;
    }
    let rest = &text[end..];
    let action_end = match rest.trim_start().starts_with("[M]") {
        true => end + rest.find("[M]")? + 3,
        false => end,
    };
    let target = text[action_end..].trim();
    (!target.is_empty() && !target.contains(' ')).then_some((&text[..action_end], target))
}

/// The level of a makefile's own message (`$(warning …)`, `$(error …)`), or of make's message about
/// a line: `Kbuild:2: text`. A compiler names a column too, and an assembler names a source.
fn of_makefile(line: &str) -> Option<Level> {
    const SOURCES: &[&str] = &["c", "h", "S", "s", "rs", "lds"];
    let (file, rest) = line.split_once(':')?;
    let (number, text) = rest.split_once(": ")?;
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let is_source = || {
        Path::new(file)
            .extension()
            .is_some_and(|e| SOURCES.iter().any(|s| e == *s))
    };
    if !is_number || is_source() {
        return None;
    }
    Some(match text.starts_with("*** ") {
        true => Level::Error,
        false => Level::Warning,
    })
}

/// The kind of the line.
fn level(line: &str) -> Level {
    let error = ["ERROR:", "FATAL:", "fatal:", "fixdep:"]
        .iter()
        .any(|word| line.starts_with(word))
        || line.contains(": error:")
        || line.contains(": fatal error:")
        || line.contains("Error: ")
        || (line.contains("***") && line.starts_with("make"))
        || line.contains(crate::make::probes::DIED)
        || line.ends_with(": not found")
        || line.ends_with(": Exec format error")
        || line
            .strip_suffix(".cmd: No such file or directory")
            .is_some_and(|path| !path.contains(": "))
        || is_of_loader(line)
        || line.contains("undefined reference to")
        || line.contains("multiple definition of");
    if error {
        return Level::Error;
    }
    if line.starts_with("WARNING:") || line.contains(": warning:") {
        return Level::Warning;
    }
    Level::Plain
}

/// Listens to one child. The last line on a stream tells what the stream's next line belongs to.
#[derive(Debug, Default)]
pub(super) struct Listening {
    on_output: rustc::Following,
    on_error: rustc::Following,
}

impl Listening {
    /// Turns one line into a message and hands it to `send`. Drops lines in which make only enters
    /// or leaves folders, and empty lines, unless they end a message of rustc.
    pub(super) fn report(
        &mut self,
        line: &str,
        stream: Stream,
        map: &PathMap,
        send: &mut dyn FnMut(&Message<'_>),
    ) {
        let known = match stream {
            Stream::Output => self.on_output.hear(line),
            Stream::Error => self.on_error.hear(line),
        };
        let dropped = line.is_empty() && known.is_none();
        if dropped || (line.starts_with("make") && line.contains("ing directory '")) {
            return;
        }
        if let Some((action, target)) = step(line) {
            let target = map.target(target);
            return send(&Message::Step {
                action,
                target: &target,
            });
        }
        let line = map.line(line);
        let level = known.unwrap_or_else(|| match (level(&line), stream) {
            (Level::Plain, Stream::Error) => on_error(&line),
            (level, _) => level,
        });
        send(&Message::Output { line: &line, level });
    }
}

/// The level of a line on standard error that does not tell its level.
fn on_error(line: &str) -> Level {
    match line.starts_with("Skipping BTF generation ") {
        true => Level::Plain,
        false => of_makefile(line).unwrap_or(Level::Remark),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> PathMap {
        PathMap::new(
            Path::new("/o/.kbuild/k/stage"),
            vec![
                ("/o/.kbuild/k/stage".into(), "/s".into()),
                ("/o/.kbuild/k/stage/src".into(), "/s".into()),
                ("/o/.kbuild/k/stage/gen/0".into(), "/g en".into()),
            ],
        )
    }

    #[test]
    fn every_stage_path_in_a_line_becomes_a_source_path() {
        assert_eq!(
            map().line("/o/.kbuild/k/stage/src/a.c:1:2: error: in /o/.kbuild/k/stage/gen/0/b.h"),
            "/s/a.c:1:2: error: in /g en/b.h"
        );
        assert_eq!(
            map().line("/o/.kbuild/k/stage2/a.c"),
            "/o/.kbuild/k/stage2/a.c"
        );
        assert_eq!(map().line("M=/o/.kbuild/k/stage"), "M=/s");
    }

    #[test]
    fn a_file_that_rustc_names_in_words_is_the_users() {
        let help = "  = help: to create the module `a`, create file \"src/a.rs\" or \"gen/0/a.rs\"";
        let expected =
            "  = help: to create the module `a`, create file \"/s/a.rs\" or \"/g en/a.rs\"";
        assert_eq!(map().line(help), expected);
        assert_eq!(
            map().line("error: couldn't read `src/t.bin`: No such file"),
            "error: couldn't read `/s/t.bin`: No such file"
        );
        let quoted = "3 | #include \"src/a.h\"";
        assert_eq!(map().line(quoted), quoted);
    }

    #[test]
    fn a_name_that_begins_in_the_module_folder_is_the_one_by_hand() {
        let of = |staged: &str| {
            let map = map();
            let found = map.pairs().find(|(s, _)| s.ends_with(staged));
            let (staged, source) = found.unwrap();
            map.relative(staged, source)
        };
        let text = |path: &str| std::ffi::OsString::from(path);
        let strings = |(a, b): (PathBuf, PathBuf)| (a.into_os_string(), b.into_os_string());
        assert_eq!(of("src").map(strings), Some((text("src/"), text(""))));
        let other = Some((text("gen/0/"), text("/g en/")));
        assert_eq!(of("gen/0").map(strings), other);
        assert_eq!(of("stage"), None);
    }

    #[test]
    fn a_step_is_told_by_its_form() {
        assert_eq!(step("  CC [M]  /x/hello.o"), Some(("CC [M]", "/x/hello.o")));
        assert_eq!(step("  BTF [M] hello.ko"), Some(("BTF [M]", "hello.ko")));
        assert_eq!(
            step("  MODPOST Module.symvers"),
            Some(("MODPOST", "Module.symvers"))
        );
        assert_eq!(step("  int x = 3;"), None);
        assert_eq!(step("  IS A  sentence with words"), None);
        assert_eq!(step("CC x"), None);
    }

    #[test]
    fn the_kind_of_a_line_is_told_apart() {
        assert_eq!(level("a.c:1:2: error: x"), Level::Error);
        assert_eq!(
            level("a.c:1:2: fatal error: x.h: No such file"),
            Level::Error
        );
        assert_eq!(level("make[2]: *** [x] Error 1"), Level::Error);
        assert_eq!(level("FATAL: modpost: x"), Level::Error);
        assert_eq!(
            level(
                "ld: b.o:(.text+0x0): multiple definition of `f'; a.o:(.text+0x0): first defined here"
            ),
            Level::Error
        );
        assert_eq!(level("a.c:1:2: warning: x"), Level::Warning);
        assert_eq!(level("WARNING: modpost: x"), Level::Warning);
        assert_eq!(level("      | ^~~"), Level::Plain);
    }

    #[test]
    fn a_line_on_standard_error_is_a_makefiles_warning_or_at_least_a_remark() {
        for (line, expected) in [
            ("/s/Kbuild:2: probe warns", Level::Warning),
            ("/s/a b/vendor.inc:12: old kernel", Level::Warning),
            ("Kbuild:3: *** too old.  Stop.", Level::Error),
            ("/s/a.S:3: Info: macro invoked from here", Level::Remark),
            ("/s/a.c: In function 'f':", Level::Remark),
            ("cat: /nosuch: No such file or directory", Level::Remark),
            ("Skipping BTF generation for a.ko", Level::Plain),
        ] {
            let heard = |stream| {
                let mut heard = None;
                let mut send = |message: &Message<'_>| {
                    if let Message::Output { level, .. } = message {
                        heard = Some(*level);
                    }
                };
                Listening::default().report(line, stream, &PathMap::default(), &mut send);
                heard
            };
            assert_eq!(heard(Stream::Error), Some(expected), "{line}");
            assert_eq!(heard(Stream::Output), Some(Level::Plain), "{line}");
        }
    }
}
