//! The step `deny` of the full run: licences, sources and banned crates of all that is compiled, by the
//! rules in `deny.toml`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild_tests::lab;

use crate::{Result, exec};

/// The checks. Advisories need a database that is not a package: see `deny.toml`.
const CHECKS: [&str; 3] = ["licenses", "bans", "sources"];

/// Checks each workspace.
pub(crate) fn run() -> Result<()> {
    let program = lab::cargo_deny()?;
    let mut failed = Vec::new();
    for folder in workspaces(exec::root())? {
        println!("  {}", folder.display());
        let checked = exec::checked(&mut command(&program, &folder), Duration::from_secs(600));
        if let Err(error) = checked {
            failed.push(format!("{}: {error}", folder.display()));
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{}\nRemove the crate, or allow it in deny.toml and give the reason there",
            failed.join("\n")
        )),
    }
}

fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .args(["--locked", "--color", "never", "check", "--config"])
        .arg(exec::root().join("deny.toml"))
        .args(["--hide-inclusion-graph"])
        .args(CHECKS)
        .current_dir(folder);
    exec::scrub(&mut command);
    command
}

/// The folders with a lock file of their own: the main workspace, the examples, the fuzz targets.
fn workspaces(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![root.to_owned()];
    let mut searched = folders(root)?;
    for folder in searched.clone() {
        searched.extend(folders(&folder)?);
    }
    found.extend(searched.into_iter().filter(|folder| {
        let is_file = |name: &str| folder.join(name).is_file();
        is_file("Cargo.toml") && is_file("Cargo.lock")
    }));
    found.sort();
    Ok(found)
}

/// The folders in a folder, without hidden ones and outputs.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error| format!("cannot read {}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(fail)?.flatten();
    let entries = entries.filter(|entry| {
        let name = entry.file_name();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_folder && name != "target" && !name.as_encoded_bytes().starts_with(b".")
    });
    Ok(entries.map(|entry| entry.path()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_workspace_with_a_lock_file_is_checked() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str, files: &[&str]| {
            fs::create_dir_all(root.path().join(name)).unwrap();
            for file in files {
                fs::write(root.path().join(name).join(file), "").unwrap();
            }
        };
        let both = &["Cargo.toml", "Cargo.lock"];
        folder("examples/hello", both);
        folder("fuzz", both);
        folder("kbuild-rs/fuzz", both);
        folder("kbuild-rs", &["Cargo.toml"]);
        folder("target/package/hello", both);
        folder(".git/hello", both);
        let found = workspaces(root.path()).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(root.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(found, ["", "examples/hello", "fuzz", "kbuild-rs/fuzz"]);
        // Those of this project.
        let own = workspaces(exec::root()).unwrap();
        assert!(own.contains(&exec::root().join("examples/cargo-hello")));
        assert!(own.len() >= 10, "{own:?}");
    }

    #[test]
    fn the_rules_deny_what_they_do_not_name() {
        let rules = fs::read_to_string(exec::root().join("deny.toml")).unwrap();
        let (_, allowed) = rules.split_once("\nallow = [\n").unwrap();
        let (allowed, _) = allowed.split_once(']').unwrap();
        for strong in ["GPL", "CDDL", "SSPL", "BUSL", "EUPL"] {
            assert!(
                !allowed.contains(strong),
                "{strong} does not fit MIT or Apache-2.0"
            );
        }
        for rule in [
            "unknown-registry = \"deny\"",
            "unknown-git = \"deny\"",
            "wildcards = \"deny\"",
        ] {
            assert!(rules.contains(&format!("\n{rule}\n")), "{rule}");
        }
        assert!(
            !rules.contains("allow-git"),
            "a git repository may change its contents"
        );
    }
}
