//! The check for two modules of one name, which the top Makefile makes by `scripts/modules-check.sh`.
//!
//! A replay makes it itself: to start the top Makefile for its message would run the rules of the
//! module's makefiles twice.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::words::Template;
use crate::sys::regular;
use crate::{Error, Result};

/// The check of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameCheck {
    pub(crate) form: Form,
    /// The lines that make prints after those of the check, without the exit code.
    pub(crate) failing: Vec<Template>,
}

/// The command that prints the modules of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `modules.order` lists modules.
    Modules,
    /// `modules.order` lists objects; the check prints the modules.
    Objects,
}

impl Form {
    pub(super) const ALL: [(Form, &'static str); 2] = [
        (Form::Modules, r#"sed -n "/\/$m/s:^:  :p" "$1" >&2"#),
        (
            Form::Objects,
            r#"sed -n "/\/$m/s:^\(.*\)\.o\$:  \1.ko:p" "$1" >&2"#,
        ),
    ];

    /// The form of a script; `None` if it does anything else than to refuse two modules of one name.
    pub(super) fn of(script: &Path) -> Option<Form> {
        const KNOWN: &[&str] = &[
            "set -e",
            "if [ $# != 1 ]; then",
            "echo \"Usage: $0 <modules.order>\" >& 2",
            "exit 1",
            "fi",
            "exit_code=0",
            "check_same_name_modules()",
            "{",
            "for m in $(sed 's:.*/::' \"$1\" | sort | uniq -d)",
            "do",
            "echo \"error: the following would cause module name conflict:\" >&2",
            "exit_code=1",
            "done",
            "}",
            "check_same_name_modules \"$1\"",
            "exit $exit_code",
        ];
        let text = regular::read(script).ok()?;
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (prints, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("sed "));
        let [line] = prints[..] else {
            return None;
        };
        let form = Form::ALL.into_iter().find(|(_, known)| *known == line)?;
        (others == KNOWN).then_some(form.0)
    }

    /// The lines about the modules of one name in a `modules.order`.
    fn refused(self, order: &[u8]) -> Vec<String> {
        let paths = order.split(|&b| b == b'\n').filter(|line| !line.is_empty());
        let paths: Vec<&[u8]> = paths.collect();
        let mut names: Vec<&[u8]> = paths
            .iter()
            .filter_map(|path| path.rsplit(|&b| b == b'/').next())
            .collect();
        // The top Makefile sets LC_COLLATE to C.
        names.sort_unstable();
        let mut twice: Vec<&[u8]> = names
            .windows(2)
            .filter(|w| w[0] == w[1])
            .map(|w| w[0])
            .collect();
        twice.dedup();
        let mut said = Vec::new();
        for name in twice {
            said.push("error: the following would cause module name conflict:".to_owned());
            let name = String::from_utf8_lossy(name);
            let shown = paths.iter().map(|path| String::from_utf8_lossy(path));
            for path in shown.filter(|path| holds(path, &name)) {
                match self {
                    Form::Modules => said.push(format!("  {path}")),
                    Form::Objects => {
                        let module = path.strip_suffix(".o");
                        said.extend(module.map(|module| format!("  {module}.ko")));
                    }
                }
            }
        }
        said
    }
}

/// Whether `sed` finds the name behind a slash. A dot stands for any character.
fn holds(path: &str, name: &str) -> bool {
    let starts = path.match_indices('/').map(|(at, _)| &path[at + 1..]);
    let is = |start: &str| {
        let mut found = start.chars();
        let mut pairs = name.chars().map(|wanted| (wanted, found.next()));
        pairs.all(|(wanted, found)| found.is_some_and(|c| wanted == '.' || wanted == c))
    };
    starts.into_iter().any(is)
}

/// The check of one build.
#[derive(Debug)]
pub(crate) struct OwnCheck {
    pub(super) form: Form,
    /// `modules.order` of the module.
    pub(super) order: PathBuf,
    /// The lines that make prints after those of the check, without the exit code.
    pub(crate) failing: Vec<std::ffi::OsString>,
}

impl OwnCheck {
    /// The lines about modules of one name; none if there are no such modules.
    ///
    /// # Errors
    /// If the list of modules cannot be read.
    pub(crate) fn refused(&self) -> Result<Vec<String>> {
        match regular::read(&self.order) {
            Ok(order) => Ok(self.form.refused(&order)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(Error::reading("read", &self.order, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    /// The script of a kernel that prints names with `line`.
    fn script(line: &str) -> String {
        format!(
            "#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0\n\nset -e\n\nif [ $# != 1 ]; then\n\
             \techo \"Usage: $0 <modules.order>\" >& 2\n\texit 1\nfi\n\nexit_code=0\n\n\
             # Check uniqueness of module names\ncheck_same_name_modules()\n{{\n\
             \tfor m in $(sed 's:.*/::' \"$1\" | sort | uniq -d)\n\tdo\n\
             \t\techo \"error: the following would cause module name conflict:\" >&2\n\
             \t\t{line}\n\t\texit_code=1\n\tdone\n}}\n\n\
             check_same_name_modules \"$1\"\n\nexit $exit_code\n"
        )
    }

    #[test]
    fn the_lines_are_those_of_the_script() {
        let root = Root::new();
        for (form, line) in Form::ALL {
            let script = root.write("check.sh", script(line));
            assert_eq!(Form::of(&script), Some(form));
            for order in [
                "",
                "/s/a.o\n/s/b.o\n",
                "/s/a.o\n/s/b/a.o\n",
                "a.o\nb/a.o\nc/ax.o\nd/axo\n",
                "/s/z.ko\n/s/b.ko\n/s/a-1.ko\n/t/b.ko\n/t/z.ko\n/u/z.ko\n/t/a_1.ko\n/u/a-1.ko\n",
            ] {
                let order = order.replace(".ko", if form == Form::Objects { ".o" } else { ".ko" });
                let file = root.write("modules.order", &order);
                let mut sh = std::process::Command::new("sh");
                let sh = sh.arg(&script).arg(&file).env("LC_ALL", "C");
                let output = sh.output().unwrap();
                let said = String::from_utf8(output.stderr).unwrap();
                let ours = form.refused(order.as_bytes());
                assert_eq!(ours, said.lines().collect::<Vec<_>>(), "{order:?}");
                assert_eq!(output.status.success(), ours.is_empty());
            }
        }
    }

    #[test]
    fn names_that_are_not_utf_8_differ_and_a_list_that_cannot_be_read_is_an_error() {
        let root = Root::new();
        let check = |order: PathBuf| OwnCheck {
            form: Form::Objects,
            order,
            failing: Vec::new(),
        };
        let order = root.write("modules.order", b"/s/\xe8.o\n/s/\xe9.o\n");
        assert_eq!(check(order).refused().unwrap(), Vec::<String>::new());
        let order = root.write("modules.order", b"/s/\xe8.o\n/t/\xe8.o\n");
        assert_eq!(check(order).refused().unwrap().len(), 3);
        let missing = check(root.join("missing")).refused();
        assert_eq!(missing.unwrap(), Vec::<String>::new());
        assert!(check(root.path().to_owned()).refused().is_err());
    }

    #[test]
    fn another_script_is_not_known() {
        let root = Root::new();
        let (_, line) = Form::ALL[0];
        let known = script(line);
        for other in [
            known.replace("exit_code=1", "exit_code=1; touch x"),
            known.replace("s:^:  :p", "s:^: :p"),
            known.replace(line, &format!("{line}\n{line}")),
            String::new(),
        ] {
            assert_eq!(Form::of(&root.write("check.sh", &other)), None, "{other}");
        }
    }
}
