//! Targets: files of kernel trees.

use std::io::Cursor;
use std::path::Path;

use super::{Config, Symvers, btf, output, rust_metadata};

/// Some of them are searched for: a search takes as long as the file.
const SEARCHED: usize = 16;

/// A base, or a makefile with the command for it.
pub(crate) fn btf(bytes: &[u8]) {
    if let Ok(base) = btf::of_bytes(bytes) {
        let again = btf::of_bytes(&base.bytes);
        assert!(again.is_ok_and(|again| again.bytes == base.bytes));
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(recipe) = btf::Recipe::from_text(&text, "/base", true) {
        assert!(recipe.0.contains("/base") && !recipe.0.contains('\n'));
    }
}

pub(crate) fn symvers(bytes: &[u8]) {
    let symvers = Symvers::of_text(bytes.to_vec(), Path::new("Module.symvers"));
    let Some(symvers) = symvers.ok().filter(|symvers| symvers.check_lines().is_ok()) else {
        return;
    };
    for symbol in symvers.symbols().take(SEARCHED) {
        let found = symvers.find(symbol.name);
        assert_eq!(found.map(|found| found.name), Some(symbol.name));
    }
}

pub(crate) fn config(bytes: &[u8]) {
    let config = Config::parse(String::from_utf8_lossy(bytes).into_owned());
    for (name, _) in config.iter().take(SEARCHED) {
        let last = config.iter().filter(|(other, _)| *other == name).last();
        // `get` takes a name that starts with `CONFIG_` for a whole one.
        let found = config.get(&format!("CONFIG_{name}"));
        assert_eq!(found, last.map(|(_, value)| value), "{name:?}");
    }
    config.header_arch();
}

pub(crate) fn rust_metadata(bytes: &[u8]) {
    let read = rust_metadata::read(&mut Cursor::new(bytes), bytes.len() as u64);
    assert!(read.is_ok(), "{read:?}");
}

pub(crate) fn makefile(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        if let Some((lead, variable, value)) = output::output_variable(line) {
            assert!(line.starts_with(lead) && lead.contains(variable));
            assert!(line[lead.len()..].starts_with(value), "{line:?}");
        }
    }
}
