//! `kbuild-rs install --cargo`: the modules of a Cargo package.
//!
//! # Decisions
//! - `cargo build` finds them. After a build it has nothing to do, and it names the lists of modules
//!   that the build scripts wrote. `cargo check` would check every crate first.
//! - Only a list that Cargo names counts: a build script that changed may have left another one.
//! - Modules of a dependency come along if a chosen module uses their symbols: it does not load without.

mod cargo;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kbuild::ModuleInfo;
use serde::Deserialize;

use crate::args::InstallArgs;
use crate::ui::failure::Failure;
use cargo::{Cargo, Script};

/// An entry of `kbuild-modules.json`, which the library writes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Row {
    package: String,
    name: String,
    release: String,
    path: PathBuf,
}

/// Builds with Cargo, and gives the paths of the modules: those of `package`, or of the workspace's
/// default members.
pub(super) fn find(package: Option<&str>, args: &InstallArgs) -> Result<Vec<PathBuf>, Failure> {
    let paths = built(package, &args.cargo_args)?;
    // Cargo is for users, and only root may change the system.
    let own = std::fs::metadata("/proc/self").map_or(0, |meta| meta.uid());
    let is_system = super::absolute(&args.root.root) == Path::new("/");
    if own == 0 || !is_system || args.dry_run {
        return Ok(paths);
    }
    Err(Failure::no_result(format!(
        "the modules are built, but only root can install them. Run:\n    {}",
        line_for_root(std::env::args_os(), package, &paths)
    )))
}

fn built(package: Option<&str>, args: &[OsString]) -> Result<Vec<PathBuf>, Failure> {
    let cargo = Cargo::new(args)?;
    let scripts = cargo.build(package)?;
    let wanted = cargo.wanted(package)?;
    let mut chosen = Vec::new();
    let mut others = Vec::new();
    for script in &scripts {
        match wanted.contains(&script.package_id) {
            true => chosen.extend(read(script)?),
            false => others.extend(read(script)?),
        }
    }
    if chosen.is_empty() {
        return Err(no_module(package, &others));
    }
    let chosen = with_providers(chosen, others, |row| {
        let info = ModuleInfo::read(&row.path)?;
        Ok(info.depends)
    })?;
    Ok(unambiguous(chosen)?
        .into_iter()
        .map(|row| row.path)
        .collect())
}

/// This call without Cargo, as a line for a shell.
fn line_for_root(
    call: impl Iterator<Item = OsString>,
    package: Option<&str>,
    paths: &[PathBuf],
) -> String {
    // sudo does not search the folders of users.
    let program = std::env::current_exe().unwrap_or_else(|_| "kbuild-rs".into());
    let mut words = vec![OsString::from("sudo"), program.into()];
    let mut call = call.skip(1).take_while(|word| word != "--").peekable();
    while let Some(word) = call.next() {
        if word == "--cargo" {
            call.next_if(|next| package.is_some_and(|package| next == package));
        } else if !word.as_encoded_bytes().starts_with(b"--cargo=") {
            words.push(word);
        }
    }
    words.extend(paths.iter().map(|path| path.clone().into_os_string()));
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// A word of a line for a shell.
fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

fn read(script: &Script) -> Result<Vec<Row>, Failure> {
    let file = &script.modules;
    let text =
        std::fs::read_to_string(file).map_err(|error| Failure::file("read", file, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::no_result(format!(
            "{} does not list modules: {error}. Use the crate kbuild-rs {} in this package",
            file.display(),
            env!("CARGO_PKG_VERSION"),
        ))
    })
}

fn no_module(package: Option<&str>, others: &[Row]) -> Failure {
    let subject = match package {
        Some(package) => format!("the build script of {package} has"),
        None => "the build scripts of the workspace's default members have".to_owned(),
    };
    let is_skipped = ["KBUILD_RS_SKIP", "DOCS_RS"].map(|name| std::env::var_os(name).is_some());
    let why = match is_skipped {
        [true, _] => ": KBUILD_RS_SKIP is set",
        [_, true] => ": DOCS_RS is set",
        _ => "",
    };
    let packages: BTreeSet<&str> = others.iter().map(|row| row.package.as_str()).collect();
    let hint = match packages.first() {
        Some(first) => {
            let all: Vec<&str> = packages.iter().copied().collect();
            format!(
                ". These packages have modules: {}. Name one:\n    \
                 kbuild-rs install --cargo {first}",
                all.join(", ")
            )
        }
        None => String::new(),
    };
    Failure::wrong_call(format!("{subject} not built any module{why}{hint}"))
}

/// The chosen modules, and before them those of `others` whose symbols they use.
fn with_providers(
    chosen: Vec<Row>,
    mut others: Vec<Row>,
    depends: impl Fn(&Row) -> Result<Vec<String>, Failure>,
) -> Result<Vec<Row>, Failure> {
    let word = |name: &str| name.replace('-', "_");
    let mut providers: Vec<Row> = Vec::new();
    let mut ahead = chosen.clone();
    while let Some(user) = ahead.pop() {
        let needed: Vec<String> = depends(&user)?.iter().map(|name| word(name)).collect();
        let is_needed =
            |row: &Row| row.release == user.release && needed.contains(&word(&row.name));
        let is_chosen = |row: &Row| {
            let is_same = |one: &Row| one.release == row.release && one.name == row.name;
            chosen.iter().any(is_same)
        };
        let (found, rest): (Vec<Row>, Vec<Row>) = others
            .into_iter()
            .partition(|row| is_needed(row) && !is_chosen(row));
        others = rest;
        ahead.extend(found.iter().cloned());
        providers.extend(found);
    }
    providers.extend(chosen);
    Ok(providers)
}

/// Fails if two files are the same module. Cargo may run a build script twice, for a program and for
/// another build script; if both results have the same content, the first one counts.
fn unambiguous(rows: Vec<Row>) -> Result<Vec<Row>, Failure> {
    let mut kept: Vec<Row> = Vec::new();
    for row in rows {
        let twin = |one: &&Row| one.release == row.release && one.name == row.name;
        let Some(twin) = kept.iter().find(twin) else {
            kept.push(row);
            continue;
        };
        if twin.path != row.path && !have_same_content(&twin.path, &row.path)? {
            return Err(Failure::wrong_call(format!(
                "Cargo built {}.ko for {} twice, and the files differ:\n    {}\n    {}\nName the \
                 package after --cargo, or install one of the files:\n    kbuild-rs install {}",
                row.name,
                row.release,
                twin.path.display(),
                row.path.display(),
                twin.path.display(),
            )));
        }
    }
    Ok(kept)
}

fn have_same_content(one: &Path, other: &Path) -> Result<bool, Failure> {
    let read = |path: &Path| std::fs::read(path).map_err(|e| Failure::file("read", path, &e));
    Ok(read(one)? == read(other)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn row(package: &str, name: &str, release: &str) -> Row {
        Row {
            package: package.to_owned(),
            name: name.to_owned(),
            release: release.to_owned(),
            path: format!("/{package}/{release}/{name}.ko").into(),
        }
    }

    #[test]
    fn modules_of_dependencies_come_along_if_their_symbols_are_used() {
        let others = [
            row("ring", "ring-log", "6.1"),
            row("ring", "ring-log", "6.12"),
            row("base", "base", "6.1"),
            row("other", "other", "6.1"),
        ];
        let depends = |row: &Row| {
            let names: &[&str] = match row.name.as_str() {
                "user" => &["ring_log", "in_tree"],
                "ring-log" => &["base"],
                _ => &[],
            };
            Ok(names.iter().map(|name| (*name).to_owned()).collect())
        };
        let user = row("user", "user", "6.1");
        let found = with_providers(vec![user.clone()], others.to_vec(), depends).unwrap();
        assert_eq!(found, [others[0].clone(), others[2].clone(), user]);
    }

    #[test]
    fn root_gets_the_call_with_files_in_the_place_of_cargo() {
        let line = |package: Option<&str>, words: &str| {
            let call = words.split(' ').map(OsString::from);
            let paths = ["/o/a b.ko".into(), "/o/c.ko".into()];
            let line = line_for_root(call, package, &paths);
            let (program, rest) = line.split_once(" install ").unwrap();
            assert!(program.starts_with("sudo /"), "{line}");
            rest.to_owned()
        };
        let call = "kbuild-rs install --load --cargo ring --dir x -- --release";
        assert_eq!(
            line(Some("ring"), call),
            "--load --dir x '/o/a b.ko' /o/c.ko"
        );
        let call = "kbuild-rs install --cargo --load";
        assert_eq!(line(None, call), "--load '/o/a b.ko' /o/c.ko");
        let call = "kbuild-rs install --cargo=ring";
        assert_eq!(line(Some("ring"), call), "'/o/a b.ko' /o/c.ko");
    }

    #[test]
    fn one_module_from_two_files_is_an_error_unless_they_are_equal() {
        let scratch = TempDir::new().unwrap();
        let mut rows = ["a", "b", "c"].map(|package| row(package, "hello", "6.1"));
        for (row, text) in rows.iter_mut().zip(["1", "1", "2"]) {
            row.path = scratch.path().join(&row.package);
            std::fs::write(&row.path, text).unwrap();
        }
        let [a, b, c] = rows;
        let kept = unambiguous(vec![a.clone(), b.clone()]).unwrap();
        assert_eq!(kept, std::slice::from_ref(&a));
        let error = unambiguous(vec![a.clone(), b, c.clone()]).unwrap_err();
        let text = error.to_string();
        for path in [&a.path, &c.path] {
            assert!(text.contains(path.to_str().unwrap()), "{text}");
        }
        assert!(error.is_wrong_call());
        let newer = row("c", "hello", "6.12");
        assert_eq!(unambiguous(vec![a, newer]).unwrap().len(), 2);
    }
}
