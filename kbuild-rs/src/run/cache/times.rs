//! Whether the times of sources decide what a build does.
//!
//! make generates a file again that is older than the one from which it is generated. If both are in
//! the tree, their times count. Only names are known before make starts, so any name that looks like
//! such a pair counts.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

/// The endings of files from which builds generate others.
const GENERATED_FROM: &[&str] = &[
    "ac", "am", "asn", "asn1", "awk", "def", "dts", "in", "l", "lex", "m4", "proto", "re", "rl",
    "tbl", "tmpl", "tpl", "xdr", "y", "yacc",
];

/// The endings of files from which only kbuild makes others, and of documents.
const USUAL: &[&str] = &["S", "c", "h", "lds", "md", "rs", "rst"];

/// Whether the times of these files count.
pub(super) fn times_count<'a>(files: impl Iterator<Item = &'a Path>) -> bool {
    // For each folder and stem: how many files there are, and whether one has another ending.
    let mut stems: HashMap<(&Path, &OsStr), (usize, bool)> = HashMap::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        let extension = file.extension().and_then(OsStr::to_str);
        if extension.is_some_and(|e| GENERATED_FROM.contains(&e) || e.ends_with("_shipped")) {
            return true;
        }
        // `foo.c.tmpl` has the stem `foo`.
        let mut stem = file.file_stem().unwrap_or_default();
        while let Some(shorter) = Path::new(stem).file_stem().filter(|s| *s != stem) {
            stem = shorter;
        }
        let is_usual = extension.is_some_and(|e| USUAL.contains(&e))
            && name.iter().filter(|&&b| b == b'.').count() == 1;
        let folder = file.parent().unwrap_or(Path::new(""));
        let known = stems.entry((folder, stem)).or_default();
        known.0 += 1;
        known.1 |= !is_usual;
        if known.0 > 1 && known.1 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_if_a_file_may_be_generated_from_another_one() {
        let of = |names: &[&str]| times_count(names.iter().map(Path::new));
        for names in [
            &["a.c", "a.c.tmpl"][..],
            &["x/regs.pl", "x/regs.h"],
            &["a.py", "a.h"],
            &["a.c_shipped"],
            &["a.y"],
            &["version", "version.h"],
        ] {
            assert!(of(names), "{names:?}");
        }
        for names in [
            &["a.c", "a.h", "a.rs"][..],
            &["x/regs.pl", "y/regs.h"],
            &["Kbuild", "hello.c", "gen.sh", "x", ".gitignore", ".a"],
        ] {
            assert!(!of(names), "{names:?}");
        }
    }
}
