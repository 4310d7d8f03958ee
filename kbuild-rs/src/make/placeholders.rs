//! Placeholders in the caller's values, such as `{kernel_dir}`.
//!
//! They stand for paths that a caller cannot know: the stage is private, and with several kernels
//! each build has its own stage. A value such as `$(src)/..` cannot say the same, because make does
//! not expand a caller's values.
//!
//! Placeholders are replaced before make or a shell gets a value. A brace behind a `$` stays,
//! because `${release}` is a variable of the shell or of make.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::Kernel;
use crate::syntax::is_carryable;
use crate::sys::is_below;

const KERNEL_DIR: &str = "kernel_dir";
const KERNEL_SOURCE: &str = "kernel_source";
const RELEASE: &str = "release";
const STAGED_ROOT: &str = "staged_root";
const STAGED_DIR: &str = "staged_dir";

/// Variables and calls of kbuild's makefiles, and the placeholder with the same meaning.
const INSTEAD: &[(&str, &[&str])] = &[
    (
        STAGED_DIR,
        &[
            "src",
            "obj",
            "M",
            "PWD",
            "CURDIR",
            "KBUILD_EXTMOD",
            "shell pwd",
        ],
    ),
    (KERNEL_SOURCE, &["srctree", "abs_srctree"]),
    // The last ones are variables of a dkms.conf.
    (
        KERNEL_DIR,
        &[
            "objtree",
            "abs_objtree",
            "KBUILD_OUTPUT",
            "kernel_source_dir",
        ],
    ),
    (RELEASE, &["KERNELRELEASE", "shell uname -r", "kernelver"]),
];

/// Trees of the running kernel, and the placeholder that names the one of the build.
const RUNNING: &[(&str, &str)] = &[
    (KERNEL_DIR, "/lib/modules/$(shell uname -r)/build"),
    (KERNEL_SOURCE, "/lib/modules/$(shell uname -r)/source"),
];

/// The values of the placeholders in one build.
#[derive(Debug, Clone)]
pub(crate) struct Placeholders([(&'static str, OsString); 5]);

impl Placeholders {
    /// The placeholders of a build for `kernel` in the module folder `dir` of a stage.
    pub(crate) fn new(kernel: &Kernel, staged_root: &Path, staged_dir: &Path) -> Self {
        Placeholders([
            (KERNEL_DIR, kernel.dir().into()),
            (KERNEL_SOURCE, kernel.source_dir().into()),
            (RELEASE, kernel.release().into()),
            (STAGED_ROOT, staged_root.into()),
            (STAGED_DIR, staged_dir.into()),
        ])
    }

    /// A value with its placeholders replaced; `None` if it has none.
    pub(crate) fn fill(&self, value: &OsStr) -> Option<OsString> {
        self.replace(value, &|text| text.to_owned())
    }

    /// As [`fill`](Self::fill), for a shell command: each placeholder becomes one word.
    pub(crate) fn fill_for_shell(&self, command: &OsStr) -> Option<OsString> {
        self.replace(command, &shell_word)
    }

    /// Whether a value names a folder by a placeholder, or a folder below it.
    pub(crate) fn is_folder(&self, value: &OsStr) -> bool {
        self.0.iter().any(|(name, _)| {
            let begin = format!("{{{name}}}");
            let rest = value.as_bytes().strip_prefix(begin.as_bytes());
            *name != RELEASE
                && rest.is_some_and(|rest| match rest.strip_prefix(b"/") {
                    Some(below) => {
                        let below = Path::new(OsStr::from_bytes(below));
                        is_below(below) && is_carryable(below)
                    }
                    None => rest.is_empty(),
                })
        })
    }

    /// Replaces the placeholders. A `{` behind a `$` begins a variable of the shell or of make, so
    /// `${release}` stays as it is.
    fn replace(&self, text: &OsStr, word: &dyn Fn(&OsStr) -> OsString) -> Option<OsString> {
        let bytes = text.as_bytes();
        let mut filled = Vec::new();
        let mut copied = 0;
        let mut at = 0;
        while let Some(open) = bytes[at..].iter().position(|b| *b == b'{') {
            let open = at + open;
            at = open + 1;
            let is_variable = open > 0 && bytes[open - 1] == b'$';
            let found = self.0.iter().find(|(name, _)| {
                let rest = bytes[at..].strip_prefix(name.as_bytes());
                rest.is_some_and(|rest| rest.starts_with(b"}"))
            });
            if let (Some((name, value)), false) = (found, is_variable) {
                filled.extend_from_slice(&bytes[copied..open]);
                filled.extend_from_slice(word(value).as_bytes());
                at += name.len() + 1;
                copied = at;
            }
        }
        (copied > 0).then(|| {
            filled.extend_from_slice(&bytes[copied..]);
            OsString::from_vec(filled)
        })
    }
}

/// Quotes a word for `sh`. A path that make can carry has no special characters for a shell. It
/// stays as it is, so that callers may put it into their own quotes.
fn shell_word(text: &OsStr) -> OsString {
    if is_carryable(Path::new(text)) {
        return text.to_owned();
    }
    let mut quoted = b"'".to_vec();
    for &byte in text.as_bytes() {
        match byte {
            b'\'' => quoted.extend_from_slice(br"'\''"),
            _ => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    OsString::from_vec(quoted)
}

/// The replacement for the first variable or call in a value that make would not expand:
/// `{staged_dir} instead of $(src)`.
pub(crate) fn instead(value: &OsStr) -> Option<String> {
    let text = value.to_string_lossy();
    let tree = |(name, path): &(&str, &str)| {
        let found = text.contains(path);
        found.then(|| format!("{{{name}}} instead of {path}"))
    };
    if let Some(found) = RUNNING.iter().find_map(tree) {
        return Some(found);
    }
    text.match_indices('$').find_map(|(at, _)| {
        let rest = &text[at + 1..];
        let end = match rest.chars().next()? {
            '(' => ')',
            '{' => '}',
            _ => return None,
        };
        let inner = &rest[1..rest.find(end)?];
        let known = |(_, names): &&(&str, &[&str])| names.contains(&inner.trim());
        let (name, _) = INSTEAD.iter().find(known)?;
        Some(format!("{{{name}}} instead of ${}{inner}{end}", &rest[..1]))
    })
}

/// The same for a shell command. A shell runs `$(src)` as a program, and has its own variables in
/// braces.
pub(crate) fn instead_in_command(command: &OsStr) -> Option<String> {
    let text = command.to_string_lossy().replace("${", "");
    instead(OsStr::new(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(root: &str) -> Placeholders {
        Placeholders([
            (KERNEL_DIR, "/k/build".into()),
            (KERNEL_SOURCE, "/k/source".into()),
            (RELEASE, "6.1.0-x".into()),
            (STAGED_ROOT, root.into()),
            (STAGED_DIR, format!("{root}/drv").into()),
        ])
    }

    fn filled(value: &str) -> Option<String> {
        let value = placeholders("/s").fill(OsStr::new(value));
        value.map(|value| value.into_string().unwrap())
    }

    #[test]
    fn the_five_names_are_replaced_wherever_they_stand() {
        for (value, expected) in [
            ("{kernel_dir}", "/k/build"),
            ("{kernel_source}/include", "/k/source/include"),
            ("-I{staged_root}/a -I{staged_dir}", "-I/s/a -I/s/drv"),
            ("{{release}}", "{6.1.0-x}"),
            ("{release}{release}", "6.1.0-x6.1.0-x"),
        ] {
            assert_eq!(filled(value).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn every_other_brace_stays_and_so_do_variables_of_a_shell() {
        for value in [
            "",
            "{",
            "}",
            "{}",
            "{kernel_dir",
            "{ release }",
            "{Release}",
            "{kernel}",
            "{staged_dir2}",
            "awk '{print $1}'",
            "a{1,2}",
            "${release}",
            "$${kernel_dir}",
        ] {
            assert_eq!(filled(value), None, "{value}");
        }
        let mixed = filled("${release} {release} {x} {").unwrap();
        assert_eq!(mixed, "${release} 6.1.0-x {x} {");
    }

    #[test]
    fn a_placeholder_in_a_command_is_one_word() {
        let fill = |root: &str, command: &str| {
            let command = placeholders(root).fill_for_shell(OsStr::new(command));
            command.unwrap().into_string().unwrap()
        };
        assert_eq!(fill("/a b", "ls {staged_root}/x"), "ls '/a b'/x");
        assert_eq!(fill("/it's", "ls {staged_root}"), r"ls '/it'\''s'");
        // The path has no special characters for a shell.
        assert_eq!(fill("/a~1+é", "\"{staged_root}\""), "\"/a~1+é\"");
    }

    #[test]
    fn a_folder_is_a_placeholder_or_lies_below_one() {
        let is = |value: &str| placeholders("/s").is_folder(OsStr::new(value));
        assert!(is("{staged_dir}") && is("{kernel_dir}") && is("{staged_root}/a/b"));
        for value in [
            "",
            "/x",
            "{release}",
            "{staged_dir}x",
            "x{staged_dir}",
            "{staged_root}/..",
            "{staged_root}/a b",
            "{staged_root}/$(x)",
        ] {
            assert!(!is(value), "{value}");
        }
    }

    #[test]
    fn the_warning_about_a_value_that_make_would_expand_names_the_placeholder() {
        for (value, expected) in [
            ("$(src)/..", "{staged_dir} instead of $(src)"),
            ("-I${PWD}/inc", "{staged_dir} instead of ${PWD}"),
            ("$(shell pwd)", "{staged_dir} instead of $(shell pwd)"),
            ("$(x)/$(srctree)", "{kernel_source} instead of $(srctree)"),
            (
                "${kernel_source_dir}",
                "{kernel_dir} instead of ${kernel_source_dir}",
            ),
            (
                "$(shell uname -r)",
                "{release} instead of $(shell uname -r)",
            ),
            (
                "/lib/modules/$(shell uname -r)/build/x",
                "{kernel_dir} instead of /lib/modules/$(shell uname -r)/build",
            ),
        ] {
            let said = instead(OsStr::new(value));
            assert_eq!(said.as_deref(), Some(expected), "{value}");
        }
        let in_command = |command: &str| instead_in_command(OsStr::new(command));
        let said = in_command("cd ${src} && ls $(srctree)");
        assert_eq!(
            said.as_deref(),
            Some("{kernel_source} instead of $(srctree)")
        );
        assert_eq!(in_command("cd ${PWD} && echo $(pwd) $src"), None);
        for value in ["", "$", "$(", "$(srcs)", "src", "$$", "$src", "{src}"] {
            assert_eq!(instead(OsStr::new(value)), None, "{value}");
        }
    }
}
