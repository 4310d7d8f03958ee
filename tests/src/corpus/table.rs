//! Reads the table.

use super::{Cell, Expected, Package};
use crate::Result;

const TABLE: &str = include_str!("../../corpus/corpus.txt");

/// The packages of the table, in its order.
///
/// # Errors
/// If a line is invalid, or a package lacks a line.
pub fn packages() -> Result<Vec<Package>> {
    parse(TABLE).map_err(|error| format!("tests/corpus/corpus.txt: {error}"))
}

fn parse(text: &str) -> Result<Vec<Package>> {
    let mut packages: Vec<Package> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let unclear = || format!("what does `{line}` mean?");
        let (word, rest) = line.split_once(' ').ok_or_else(unclear)?;
        let rest = rest.trim();
        if word == "package" {
            packages.push(Package {
                name: rest.to_owned(),
                root: None,
                places: Vec::new(),
                make_vars: Vec::new(),
                edit: String::new(),
                cells: Vec::new(),
            });
            continue;
        }
        let package = packages.last_mut().ok_or_else(unclear)?;
        match word {
            "root" => package.root = Some(rest.to_owned()),
            "place" => package.places.push(rest.to_owned()),
            "make-var" => package.make_vars.push(rest.to_owned()),
            "edit" => package.edit = rest.to_owned(),
            kernel => package.cells.push(cell(kernel, rest).ok_or_else(unclear)?),
        }
    }
    for package in &mut packages {
        if package.edit.is_empty() || package.cells.is_empty() {
            return Err(format!("{} has no file to edit or no kernel", package.name));
        }
        if package.places.is_empty() {
            package.places.push(String::new());
        }
    }
    Ok(packages)
}

/// Parses `RELEASE builds MODULE…` or `RELEASE fails TEXT`.
fn cell(kernel: &str, rest: &str) -> Option<Cell> {
    let (release, rest) = rest.split_once(' ')?;
    let (verdict, rest) = rest.trim().split_once(' ')?;
    let expected = match verdict {
        "builds" => {
            let mut names: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
            names.sort();
            Expected::Modules(names)
        }
        "fails" => Expected::Fails(rest.trim().to_owned()),
        _ => return None,
    };
    Some(Cell {
        kernel: kernel.to_owned(),
        release: release.to_owned(),
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_places_variables_and_a_line_for_each_kernel() {
        let text = "# about\npackage a-dkms\n  root ..\n  place one\n  place two\n\
                    \n  make-var X=a b\n  edit one/a.c\n  6.1 bookworm builds b a\n\
                    \n  7.2 trixie  fails no member named 'x'\n";
        let packages = parse(text).unwrap();
        let [package] = &packages[..] else {
            panic!("{packages:?}")
        };
        assert_eq!(package.places, ["one", "two"]);
        assert_eq!(package.make_vars, ["X=a b"]);
        let [old, new] = &package.cells[..] else {
            panic!("{package:?}")
        };
        assert_eq!(
            old.expected,
            Expected::Modules(vec!["a".into(), "b".into()])
        );
        assert_eq!(new.expected, Expected::Fails("no member named 'x'".into()));
        assert_eq!((&*new.kernel, &*new.release), ("7.2", "trixie"));
    }

    #[test]
    fn the_committed_table_can_be_read_and_has_no_cell_twice() {
        for package in packages().unwrap() {
            let mut kernels: Vec<_> = package.cells.iter().map(|cell| &cell.kernel).collect();
            kernels.sort();
            kernels.dedup();
            assert_eq!(kernels.len(), package.cells.len(), "{}", package.name);
        }
    }

    #[test]
    fn a_line_that_says_nothing_is_named() {
        let text = "package a\n edit a.c\n 6.1 bookworm maybe a\n";
        assert!(parse(text).unwrap_err().contains("6.1 bookworm maybe a"));
        assert!(
            parse("package a\n 6.1 bookworm builds a\n")
                .unwrap_err()
                .contains("edit")
        );
    }
}
