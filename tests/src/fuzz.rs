//! Inputs for fuzzers: files of the lab's kernels, roots, module sources and builds, by target.
//!
//! `kbuild::fuzzing` has the targets. The inputs are made from the lab whenever they are needed, and
//! are never committed. `fuzz/regressions/` has the inputs that once found a fault, and a few for
//! readers whose files the lab has none of.

mod made;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{Result, lab, scope};

/// The longest input of a corpus. Longer texts are cut at a line, longer binary files left out.
pub const LONGEST: usize = 64 << 10;

/// The most files of one target.
const MOST: usize = 40;

/// Which files of the lab a target reads.
struct Source {
    target: &'static str,
    /// Whether a file name is one of its files.
    is_one: fn(&str) -> bool,
    /// Whether a longer file may be cut.
    is_text: bool,
}

const fn text(target: &'static str, is_one: fn(&str) -> bool) -> Source {
    Source {
        target,
        is_one,
        is_text: true,
    }
}

const fn binary(target: &'static str, is_one: fn(&str) -> bool) -> Source {
    Source {
        target,
        is_one,
        is_text: false,
    }
}

const SOURCES: &[Source] = &[
    text("btf", |name| {
        name == "Makefile.modfinal" || name.starts_with("vmlinuz-")
    }),
    text("cmd-file", |name| name.ends_with(".cmd")),
    text("compile-commands", |name| name == "compile_commands.json"),
    binary("compressed", |name| name.ends_with(".ko.xz")),
    text("config", |name| name == "auto.conf" || name == ".config"),
    text("dkms-conf", |name| name == "dkms.conf"),
    text("efi", |name| name.starts_with("vmlinuz-")),
    text("elf", |name| name.ends_with(".ko")),
    binary("frame-sizes", |name| name.ends_with(".ko")),
    text("incbin", |name| name.ends_with(".S")),
    text("inventory", |name| name == "inventory"),
    text("kernel-makefile", |name| name == "Makefile"),
    text("makefile", |name| name == "Makefile" || name == "Kbuild"),
    text("manifest", |name| name == "manifest"),
    binary("modinfo", |name| name.ends_with(".ko")),
    text("modules-dep", |name| name == "modules.dep"),
    text("modules-order", |name| name == "modules.order"),
    text("record", |name| name == "record"),
    text("rust-metadata", |name| name.ends_with(".rmeta")),
    text("rust-source", |name| name.ends_with(".rs")),
    binary("signature", |name| name.ends_with(".ko")),
    text("symvers", |name| name == "Module.symvers"),
    text("syntax", |name| name == "dkms.conf"),
    text("trace", |name| name.starts_with("Makefile.")),
    text("vermagic", |name| name == "vermagic.h"),
];

/// The folders of the lab that are searched.
const FOLDERS: &[&str] = &["built", "corpus", "kernels", "roots", "sources"];

/// The inputs of each target.
///
/// # Errors
/// If the lab has no kernel, or a program that makes inputs fails.
pub fn corpus() -> Result<BTreeMap<&'static str, Vec<Vec<u8>>>> {
    scope::oldest_and_newest()?;
    let mut files: BTreeMap<&str, Vec<(u64, PathBuf)>> = BTreeMap::new();
    for folder in FOLDERS {
        collect(&lab::cache_dir().join(folder), &mut files);
    }
    let mut corpus: BTreeMap<&'static str, Vec<Vec<u8>>> = BTreeMap::new();
    for source in SOURCES {
        let mut found = files.remove(source.target).unwrap_or_default();
        // The smallest ones are quick. Files of one size are mostly the same one.
        found.sort_unstable();
        found.dedup_by_key(|(size, _)| *size);
        let step = (found.len() / MOST).max(1);
        let inputs = corpus.entry(source.target).or_default();
        for (_, path) in found.into_iter().step_by(step) {
            let mut input = read(&path, source.is_text);
            if source.target == "makefile" {
                // It would include a file that is not part of the input.
                let part = b"/usr/";
                input = input.filter(|text| !text.windows(part.len()).any(|at| at == part));
            }
            inputs.extend(input);
        }
    }
    made::add(&mut corpus)?;
    Ok(corpus)
}

fn collect(folder: &Path, files: &mut BTreeMap<&str, Vec<(u64, PathBuf)>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (Ok(meta), Ok(name)) = (entry.metadata(), entry.file_name().into_string()) else {
            continue;
        };
        if meta.is_dir() {
            collect(&entry.path(), files);
        } else if meta.is_file() && meta.len() > 0 {
            for source in SOURCES.iter().filter(|source| (source.is_one)(&name)) {
                let found = files.entry(source.target).or_default();
                found.push((meta.len(), entry.path()));
            }
        }
    }
}

fn read(path: &Path, is_text: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() <= LONGEST {
        return Some(bytes);
    }
    bytes.truncate(LONGEST);
    if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
        bytes.truncate(end + 1);
    }
    is_text.then_some(bytes)
}

/// The committed inputs of a target.
pub fn regressions(target: &str) -> Vec<(String, Vec<u8>)> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let top = own.parent().unwrap_or(own);
    let folder = top.join("fuzz/regressions").join(target);
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let read = files.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some((name, fs::read(entry.path()).ok()?))
    });
    let mut read: Vec<_> = read.collect();
    read.sort();
    read
}
