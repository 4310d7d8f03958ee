//! Files of a build that lost their bytes. The next build has the right result, or its error names a
//! file and the remedy.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Result;
use crate::damage::{self, ANOTHER_BOOT, LOSSES, is_note};
use crate::random::Random;
use crate::torture::works::{Deed, Works, done};
use crate::torture::{Attempt, call};

/// The words of a remedy.
const REMEDIES: [&str; 4] = ["Remove", "remove", "Move it away", "build again"];

pub(super) fn attempt(works: &Works, attempt: &mut Attempt) -> Result<()> {
    let deed = match attempt.number() % 2 {
        0 => Deed::Build,
        _ => Deed::Edit,
    };
    let folder = attempt.folder().to_owned();
    let out = folder.join("out");
    let mut work = works.begin(deed, &folder)?;
    let before = SystemTime::now();
    done(&mut work.command()?)?;
    // What was written before is on the disk.
    let files = written_since(&out, before)?;
    let notes: Vec<_> = all_files(&out)?
        .into_iter()
        .filter(|p| is_note(p))
        .collect();
    let chosen = choose(&files, &mut attempt.random);
    let (of_notes, others): (Vec<_>, Vec<_>) = chosen.iter().partition(|path| is_note(path));
    for (paths, are_notes) in [(others, false), (of_notes, true)] {
        if are_notes {
            damage::restamp(&out, &notes, Some(ANOTHER_BOOT))?;
        }
        for path in paths {
            let loss = *attempt.random.pick(&LOSSES);
            attempt.say(format!("{deed:?}: {loss:?} {}", path.display()));
            loss.strike(path, &mut attempt.random)?;
        }
    }
    let output = call(&mut work.command()?)?;
    if !output.status.success() {
        let said = output.err();
        let is_named = chosen
            .iter()
            .any(|path| said.contains(&*path.to_string_lossy()));
        if !is_named || !REMEDIES.iter().any(|remedy| said.contains(remedy)) {
            return Err(format!("no file or no remedy is named\n{said}"));
        }
    }
    work.next()
        .map_err(|problem| format!("{problem}\nthe call before:\n{}", output.err()))
}

/// All files below a folder but the tag, which is on the disk before a first build goes on.
fn all_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            match entry.file_type().map_err(fail)? {
                kind if kind.is_dir() => pending.push(entry.path()),
                kind if kind.is_file() && entry.file_name() != "CACHEDIR.TAG" => {
                    files.push(entry.path());
                }
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

fn written_since(out: &Path, before: SystemTime) -> Result<Vec<PathBuf>> {
    let mut files = all_files(out)?;
    let is_new = |path: &PathBuf| {
        let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|modified| modified >= before)
    };
    files.retain(is_new);
    Ok(files)
}

/// A few of the files. A power cut most likely damages the newest files, which a build writes last.
/// make only compares its own outputs. Each of these groups is a third of the damaged files.
fn choose(all: &[PathBuf], random: &mut Random) -> Vec<PathBuf> {
    let with = |ends: &[&str]| -> Vec<PathBuf> {
        let has_end = |path: &&PathBuf| {
            let path = path.to_string_lossy();
            ends.iter().any(|end| path.ends_with(end))
        };
        all.iter().filter(has_end).cloned().collect()
    };
    let last = with(&["record", "manifest", "inventory", "seen", ".ko", ".symvers"]);
    let made = with(&[".o", ".ko", ".mod.c", ".mod", ".cmd"]);
    let mut chosen = Vec::new();
    for _ in 0..=random.below(5) {
        let among = *random.pick(&[all, &last, &made]);
        if !among.is_empty() {
            chosen.push(random.pick(among).clone());
        }
    }
    chosen.sort();
    chosen.dedup();
    chosen
}
