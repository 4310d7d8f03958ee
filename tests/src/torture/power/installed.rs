//! Files of a root that lost their bytes. `verify` says so, or everything is right; the remedies lead
//! back to a right root.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::damage::{LOSSES, Loss};
use crate::random::Random;
use crate::root::Root;
use crate::run::Output;
use crate::torture::works::done;
use crate::torture::{Attempt, Ground, call};

/// Installed before the cut. The kernel has a module of the first name.
const PAIR: [&str; 2] = ["dummy", "kt_base"];

/// The module of the first call after it.
const NEXT: &str = "ifb";

/// The folder of our records in a root.
const RECORDS: &str = "var/lib/kbuild-rs";

/// The words of a remedy.
const REMEDIES: [&str; 4] = [
    "--replace",
    "move it away",
    "depmod",
    "install the module again",
];

pub(super) fn attempt(ground: &Ground, attempt: &mut Attempt) -> Result<()> {
    let folder = attempt.folder().to_owned();
    let root = Root::new(&ground.kernel, &folder, ground.path())?;
    for version in 1..=1 + attempt.random.below(2) as u32 {
        done(&mut root.install(&PAIR.map(|name| (name, version)))?)?;
    }
    let old = root.version(PAIR[0])?;
    let struck = strike(&root, attempt)?;

    let verified = call(&mut root.program("verify"))?;
    match verified.status.success() {
        true => is_right(&root, &[(PAIR[0], old), (PAIR[1], old)])
            .map_err(|problem| format!("verify found nothing, but {problem}"))?,
        false => names(&verified, &struck)?,
    }
    let installed = call(&mut root.install(&[(NEXT, 1)])?)?;
    match installed.status.success() {
        true => root.is_chosen(NEXT)?,
        false => names(&installed, &struck)?,
    }
    // The remedies.
    let journal = format!("{RECORDS}/{}.json", root.kernel.release);
    let said = [verified.err(), installed.err()].concat();
    if said.contains(&format!("{journal} is not a journal")) {
        let path = root.root.join(&journal);
        fs::rename(&path, folder.join("moved")).map_err(|error| error.to_string())?;
    }
    let mut again = root.install(&[(PAIR[0], 3), (PAIR[1], 3), (NEXT, 3)])?;
    let output = done(again.arg("--replace"))?;
    let all = [(PAIR[0], Some(3)), (PAIR[1], Some(3)), (NEXT, Some(3))];
    is_right(&root, &all).map_err(|problem| format!("{problem}\n{}", output.err()))?;
    done(&mut root.program("verify"))?;
    match root.left_over() {
        left if left.is_empty() => Ok(()),
        left => Err(format!("left over: {}", left.join(" "))),
    }
}

/// Takes bytes from a few of the files that an install writes. Their names stay: a rename is on the
/// disk before the bytes are.
fn strike(root: &Root, attempt: &mut Attempt) -> Result<Vec<PathBuf>> {
    let modules = root.modules();
    let records = files(&root.root.join(RECORDS), |name| name != "lock")?;
    let installed = files(&modules.join("updates"), |_| true)?;
    let index = files(&modules, |name| name.starts_with("modules.dep"))?;
    let random = &mut attempt.random;
    let mut struck = Vec::new();
    for _ in 0..=random.below(3) {
        let among = *random.pick(&[&records, &records, &installed, &index]);
        struck.push(random.pick(among).clone());
    }
    struck.sort();
    struck.dedup();
    for path in &struck {
        let loss = one_of(path, &mut attempt.random);
        let shown = path.strip_prefix(&root.root).unwrap_or(path);
        attempt.say(format!("{loss:?} {}", shown.display()));
        loss.strike(path, &mut attempt.random)?;
    }
    Ok(struck)
}

/// An installed module that is not there is noticed. A journal or an index that is not there was never
/// written: a root may get its kernel later.
fn one_of(path: &Path, random: &mut Random) -> Loss {
    let may_go = path
        .extension()
        .is_some_and(|end| end == "ko" || end == "xz" || end == "memory");
    loop {
        match *random.pick(&LOSSES) {
            Loss::Gone if !may_go => {}
            loss => return loss,
        }
    }
}

fn files(folder: &Path, is_one: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let is_file = entry.file_type().map_err(fail)?.is_file();
        if is_file && is_one(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// A failed call names a file that lost its bytes, and a remedy.
fn names(output: &Output, struck: &[PathBuf]) -> Result<()> {
    let said = output.err();
    let is_named = struck.iter().any(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        said.contains(&*name)
    });
    match is_named && REMEDIES.iter().any(|remedy| said.contains(remedy)) {
        true => Ok(()),
        false => Err(format!("no file or no remedy is named\n{said}")),
    }
}

/// Modules, index and journal.
fn is_right(root: &Root, expected: &[(&str, Option<u32>)]) -> Result<()> {
    let mut here = Vec::new();
    for (name, version) in expected {
        let found = root.version(name)?;
        if found != *version {
            return Err(format!("{name} is of version {found:?}, not {version:?}"));
        }
        root.is_chosen(name)?;
        here.push(((*name).to_owned(), "intact".to_owned()));
    }
    here.sort();
    match root.journal()? {
        journal if journal == here => Ok(()),
        journal => Err(format!("the journal has {journal:?}, not {here:?}")),
    }
}
