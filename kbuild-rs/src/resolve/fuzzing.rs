//! Targets: Rust sources, in which kbuild-rs looks for the files of a crate; stated requirements.

use std::path::Path;

use super::requirements::grammar;
use super::rust::crate_files::{each_named, other_place};
use crate::kbuild::{StatedInFile, parse_kbuild_toml};

pub(crate) fn rust_source(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    each_named(&text, &mut |_, path| {
        other_place(&Path::new("/crate").join(path));
    });
}

pub(crate) fn kbuild_toml(bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let found = match parse_kbuild_toml(bytes) {
        Ok(found) => found,
        Err((line, why)) => {
            return assert!(line <= lines && !why.contains(char::is_control));
        }
    };
    for one in found {
        let StatedInFile {
            kind, text, line, ..
        } = one;
        assert!(line <= lines);
        match grammar::parse(kind, &text) {
            Err(why) => assert!(!why.contains(char::is_control)),
            Ok(parsed) => {
                let again = grammar::parse(kind, &parsed.check.to_string());
                assert_eq!(again.map(|again| again.check), Ok(parsed.check));
            }
        }
    }
}
