//! The table of kernel trees for people.

use kbuild::CompilerKind;

use super::row::{Row, State, Tools, Tree};
use crate::ui::table::{Cell, aligned};
use crate::ui::text::printable;

/// "gcc 12.2.0", and whether it is installed.
fn compiler(tools: &Tools) -> String {
    let name = match tools.built_with.kind {
        CompilerKind::Clang => "clang",
        _ => "gcc",
    };
    let (major, minor, patch) = tools.built_with.version;
    let here = match (&tools.missing, tools.notes.is_empty()) {
        (Some(_), _) => "missing",
        (None, true) => "here",
        (None, false) => "another is here",
    };
    format!("{name} {major}.{minor}.{patch} ({here})")
}

fn abilities(tree: &Tree) -> String {
    let signing = match tree.requires_signing {
        true => "signing required",
        false => "signing",
    };
    let able: Vec<_> = [
        ("C", tree.has_modules && tree.compiler.missing.is_none()),
        ("symvers", tree.symvers.is_some()),
        ("BTF", tree.has_btf),
        ("Rust", tree.has_rust),
        (signing, tree.has_signing),
    ]
    .into_iter()
    .filter_map(|(word, able)| able.then_some(word))
    .collect();
    match able.as_slice() {
        [] => "-".to_owned(),
        words => words.join(", "),
    }
}

pub(super) fn table(rows: &[Row]) -> Vec<String> {
    let usable = rows.iter().filter_map(|row| match &row.state {
        State::Usable(tree) => Some(cells(row, tree)),
        State::Broken { .. } => None,
    });
    // The column of the mark stays even if no tree has the mark.
    let heading = [" ", "RELEASE", "ARCH", "COMPILER", "CAN", "PATH"];
    let mut lines = vec![heading.map(Cell::from).to_vec()];
    lines.extend(usable);
    match lines.len() {
        1 => Vec::new(),
        _ => aligned(&lines),
    }
}

fn cells(row: &Row, tree: &Tree) -> Vec<Cell> {
    vec![
        if row.default { "*" } else { "" }.into(),
        printable(&row.release).into(),
        printable(&tree.arch).into(),
        compiler(&tree.compiler).into(),
        abilities(tree).into(),
        printable(&row.path).into(),
    ]
}

pub(super) fn broken(rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for row in rows {
        if let State::Broken { error, .. } = &row.state {
            let (release, path) = (printable(&row.release), printable(&row.path));
            let space = if release.is_empty() { "" } else { "  " };
            lines.push(format!("!  {release}{space}{path}"));
            let message = error.message.lines();
            lines.extend(message.map(|line| format!("     {}", printable(line))));
        }
    }
    lines
}

/// A note for each release that several trees share. It names the tree that the release selects.
pub(super) fn shared_releases(rows: &[Row]) -> Vec<String> {
    let mut notes = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let is_usable = |row: &&Row| matches!(row.state, State::Usable(_));
        let is_same = |other: &&Row| other.release == row.release;
        let count = rows.iter().filter(is_usable).filter(is_same).count();
        if count < 2 || rows[..i].iter().any(|other| is_same(&other)) {
            continue;
        }
        let release = printable(&row.release);
        let mut note = format!("{count} trees have the release {release}");
        let taken = rows
            .iter()
            .find(|one| is_same(one) && one.kernel == one.release);
        if let Some(taken) = taken {
            let path = printable(&taken.path);
            note += &format!(": `--kernel {release}` takes {path}");
        }
        notes.push(note + ". To choose one, name it by its path");
    }
    notes
}

#[cfg(test)]
mod tests {
    use kbuild::Compiler;

    use super::*;
    use crate::ui::json::Reason;

    fn usable(release: &str, default: bool) -> Row {
        Row {
            release: release.to_owned(),
            path: format!("/usr/src/linux-headers-{release}"),
            kernel: release.to_owned(),
            default,
            state: State::Usable(Box::new(Tree {
                usable: true,
                arch: "x86".to_owned(),
                source: String::new(),
                compiler: Tools {
                    built_with: Compiler {
                        text: "gcc-12 (Debian) 12.2.0".to_owned(),
                        kind: CompilerKind::Gcc,
                        version: (12, 2, 0),
                        lld: false,
                    },
                    variables: Vec::new(),
                    notes: Vec::new(),
                    missing: None,
                },
                has_modules: true,
                symvers: Some("/x".to_owned()),
                vmlinux: None,
                has_btf: false,
                has_rust: false,
                has_modversions: true,
                has_signing: true,
                requires_signing: false,
            })),
        }
    }

    fn unusable() -> Row {
        Row {
            release: "5.10.0".to_owned(),
            path: "/lib/modules/5.10.0/build".to_owned(),
            kernel: "/lib/modules/5.10.0/build".to_owned(),
            default: false,
            state: State::Broken {
                usable: false,
                error: Reason {
                    kind: kbuild::ErrorKind::KernelNotFound,
                    advice: Vec::new(),
                    message: "nothing is there".to_owned(),
                },
            },
        }
    }

    #[test]
    fn the_table_marks_the_default_and_lines_up() {
        let rows = [usable("6.1.0-56-amd64", true), usable("6.12", false)];
        assert_eq!(
            table(&rows),
            [
                "   RELEASE         ARCH  COMPILER           CAN                  PATH",
                "*  6.1.0-56-amd64  x86   gcc 12.2.0 (here)  C, symvers, signing  /usr/src/linux-headers-6.1.0-56-amd64",
                "   6.12            x86   gcc 12.2.0 (here)  C, symvers, signing  /usr/src/linux-headers-6.12",
            ]
        );
    }

    #[test]
    fn two_trees_of_one_release_are_told_apart() {
        let path = "/home/me/linux".to_owned();
        let other = Row {
            kernel: path.clone(),
            path,
            ..usable("6.12", true)
        };
        assert!(shared_releases(&[usable("6.12", true), usable("6.1", false)]).is_empty());
        assert_eq!(
            shared_releases(&[other, usable("6.12", false), usable("6.1", false)]),
            ["2 trees have the release 6.12: `--kernel 6.12` takes \
              /usr/src/linux-headers-6.12. To choose one, name it by its path"]
        );
    }

    #[test]
    fn a_tree_that_cannot_be_used_has_its_reason() {
        assert!(table(&[unusable()]).is_empty());
        assert_eq!(
            broken(&[unusable()]),
            [
                "!  5.10.0  /lib/modules/5.10.0/build",
                "     nothing is there"
            ]
        );
        let json = serde_json::to_value(unusable()).unwrap();
        assert_eq!(json["usable"], false);
        assert_eq!(json["error"]["kind"], "kernel-not-found");
    }

    #[test]
    fn json_has_the_compiler_and_whether_it_is_missing() {
        let json = serde_json::to_value(usable("6.1", true)).unwrap();
        assert_eq!(json["usable"], true);
        assert_eq!(json["default"], true);
        assert_eq!(json["compiler"]["kind"], "gcc");
        assert!(json["compiler"]["missing"].is_null());
    }
}
