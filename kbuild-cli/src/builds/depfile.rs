//! The depfile: the inputs of the products, in the form that `gcc -MD` writes.
//!
//! Ninja, CMake and Meson read it. Like gcc, every build writes it again: Ninja deletes the file
//! after reading it, so an existing file says nothing about Ninja's knowledge.
//!
//! If the products are relative paths, inputs below the working directory are relative too. To
//! Ninja, a generated header and its absolute path are two files, and it would check the second
//! before the first is built.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::whole_file;
use crate::ui::failure::Failure;
use crate::ui::view::View;

/// Writes the depfile, and warns about a path that it cannot contain.
pub(super) fn write(
    path: &Path,
    targets: &[PathBuf],
    prerequisites: &[PathBuf],
    view: &View,
) -> Result<(), Failure> {
    if let Some(target) = targets.iter().find(|t| !carries(t)) {
        return Err(Failure::wrong_call(format!(
            "the path {target:?} contains a line break, which a depfile cannot contain: rename \
             the file, or leave out --depfile"
        )));
    }
    let relative = path.is_relative() && targets.iter().all(|target| target.is_relative());
    let named = if relative {
        named_from_here(prerequisites)
    } else {
        prerequisites.to_owned()
    };
    let (text, left_out) = text(targets, &named);
    for path in left_out {
        view.warning("path-not-in-depfile", &format!(
            "{path:?} is not in the depfile, because a depfile cannot contain a line break: the \
             build system will not notice changes to this file"
        ));
    }
    whole_file::write(path, &text)
}

/// The prerequisites, as the reader of a depfile names them. If depfile and targets are relative
/// paths, the reader works in this program's working directory, and it compares text. An absolute
/// path would be another file to it than the generated header of its own rule.
fn named_from_here(prerequisites: &[PathBuf]) -> Vec<PathBuf> {
    let here = std::env::current_dir().ok();
    let name = |path: &PathBuf| match &here {
        Some(here) => path.strip_prefix(here).unwrap_or(path).to_owned(),
        None => path.clone(),
    };
    prerequisites.iter().map(name).collect()
}

/// The text, and the prerequisites that this format cannot contain.
fn text<'a>(targets: &[PathBuf], prerequisites: &'a [PathBuf]) -> (Vec<u8>, Vec<&'a Path>) {
    let mut text = Vec::new();
    let mut left_out = Vec::new();
    for (i, target) in targets.iter().enumerate() {
        if i > 0 {
            text.push(b' ');
        }
        escape(&mut text, target);
    }
    text.push(b':');
    for path in prerequisites {
        if carries(path) {
            text.extend_from_slice(b" \\\n  ");
            escape(&mut text, path);
        } else {
            left_out.push(path.as_path());
        }
    }
    text.push(b'\n');
    (text, left_out)
}

/// A line break always ends the rule.
fn carries(path: &Path) -> bool {
    !path.as_os_str().as_bytes().contains(&b'\n')
}

/// Escapes by gcc's rules (libcpp/mkdeps.cc): blanks and `#` get a backslash, `$` is doubled. A
/// backslash is written once, but doubled before a blank.
fn escape(text: &mut Vec<u8>, path: &Path) {
    let mut backslashes = 0;
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b' ' | b'\t' => {
                text.extend(std::iter::repeat_n(b'\\', backslashes + 1));
            }
            b'#' => text.push(b'\\'),
            b'$' => text.push(b'$'),
            _ => {}
        }
        text.push(byte);
        backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    fn of(prerequisites: &[&str]) -> String {
        let prerequisites: Vec<_> = prerequisites.iter().map(PathBuf::from).collect();
        let (text, left_out) = text(&[PathBuf::from("out/hello.ko")], &prerequisites);
        assert!(left_out.is_empty());
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_rule_has_one_prerequisite_a_line() {
        assert_eq!(
            of(&["/src/hello.c", "/src/hello.h"]),
            "out/hello.ko: \\\n  /src/hello.c \\\n  /src/hello.h\n"
        );
    }

    #[test]
    fn nothing_to_depend_on_is_still_a_rule() {
        assert_eq!(of(&[]), "out/hello.ko:\n");
    }

    #[test]
    fn blanks_hashes_and_dollars_are_escaped_as_gcc_does() {
        let line = |path: &str| of(&[path]).lines().nth(1).unwrap().to_owned();
        assert_eq!(line("/a b/c.h"), "  /a\\ b/c.h");
        assert_eq!(line("/a#b"), "  /a\\#b");
        assert_eq!(line("/$(x)"), "  /$$(x)");
        assert_eq!(line("/a\\b"), "  /a\\b");
        assert_eq!(line("/a\\ b"), "  /a\\\\\\ b");
        assert_eq!(line("/a\tb"), "  /a\\\tb");
    }

    #[test]
    fn several_products_stand_before_one_colon() {
        let targets = [PathBuf::from("a.ko"), PathBuf::from("b b.ko")];
        let (text, _) = text(&targets, &[PathBuf::from("/x.c")]);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "a.ko b\\ b.ko: \\\n  /x.c\n"
        );
    }

    #[test]
    fn a_path_with_a_line_end_is_left_out_and_said() {
        let prerequisites = [PathBuf::from("/a\nb"), PathBuf::from("/c")];
        let (text, left_out) = text(&[PathBuf::from("x")], &prerequisites);
        assert_eq!(text, b"x: \\\n  /c\n");
        assert_eq!(left_out, [Path::new("/a\nb")]);
    }

    #[test]
    fn a_path_that_is_not_utf8_keeps_its_bytes() {
        let path = PathBuf::from(OsString::from_vec(b"/\xff.c".to_vec()));
        let (text, _) = text(&[PathBuf::from("x")], &[path]);
        assert_eq!(text, b"x: \\\n  /\xff.c\n");
    }
}
