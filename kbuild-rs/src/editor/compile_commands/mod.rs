//! `compile_commands.json` for editors: how each source was compiled, with source paths.
//!
//! The entries come from the commands that kbuild saves beside each object, because header packages
//! lack the kernel's own script for this. Each module folder keeps its entries. The file in the
//! output directory has the entries of all modules built into it.

pub(super) mod merge;

use std::collections::BTreeSet;
use std::path::Path;

use crate::Result;
use crate::kernel::GCC_ONLY;
use crate::make::PathMap;
use crate::stage::{COMPILE_COMMANDS, add_entries};
use crate::syntax::words;
use crate::sys::{Writer, regular, walk};

pub use merge::merge_compile_commands;

/// The file with a module folder's own entries, among its private files.
pub(crate) const ENTRIES: &str = "compile_commands";

/// Options about kbuild's dependency file. An editor has no use for them.
const DEPENDENCIES: &[&str] = &["-Wp,-MMD,", "-Wp,-MD,", "-MMD", "-MD"];

/// The entries for the objects below `module_dir` in the stage. Each line has a source path, a tab
/// and the entry. `cwd` is the directory where make compiled.
pub(crate) fn entries(module_dir: &Path, cwd: &Path, map: &PathMap, gcc: bool) -> Result<String> {
    let mut lines = BTreeSet::new();
    walk(module_dir, &mut |path, _| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Two dots mark an object of kbuild's own (.module-common.o).
        let ours = name.starts_with('.')
            && !name.starts_with("..")
            && name.ends_with(".o.cmd")
            && !name.ends_with(".mod.o.cmd");
        if ours {
            let text = regular::read_to_string(path).unwrap_or_default();
            lines.extend(entry(&text, cwd, map, gcc));
        }
        Ok(())
    })?;
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

/// Joins the entries of all module folders below `shared` into the file in `out`. If there are
/// none, removes that file. `first`'s entries win if two kernels or two modules compiled one
/// source.
pub(crate) fn publish(writer: &Writer, first: &Path, shared: &Path, out: &Path) -> Result<()> {
    let mut seen = BTreeSet::new();
    let mut objects = Vec::new();
    for text in all_entries(writer, first, shared, ENTRIES)? {
        for (source, object) in text.lines().filter_map(|l| l.split_once('\t')) {
            if seen.insert(source.to_owned()) {
                objects.push(object.to_owned());
            }
        }
    }
    let to = out.join(COMPILE_COMMANDS);
    if objects.is_empty() {
        return writer.remove_file(&to).map(drop);
    }
    objects.sort();
    writer.write_if_changed(&to, format!("[\n{}\n]\n", objects.join(",\n")).as_bytes())
}

/// The texts of `first` and of every `<key>/folders/<folder>/<name>`.
pub(crate) fn all_entries(
    writer: &Writer,
    first: &Path,
    shared: &Path,
    name: &str,
) -> Result<Vec<String>> {
    let mut files = vec![first.to_owned()];
    add_entries(shared, name, &mut files)?;
    let mut texts = Vec::new();
    for file in files.iter().filter(|file| !file.as_os_str().is_empty()) {
        let bytes = writer.read(file)?.unwrap_or_default();
        texts.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(texts)
}

/// The entry of one saved command; `None` if the command compiled no source.
fn entry(text: &str, cwd: &Path, map: &PathMap, gcc: bool) -> Option<String> {
    let (_, command) = text.lines().next()?.split_once(":= ")?;
    let source = text
        .lines()
        .find_map(|l| l.strip_prefix("source_")?.split_once(":= "))?
        .1
        .trim();
    let words = words(&command.replace("$(pound)", "#").replace("$$", "$"))?;
    let mut arguments = Vec::new();
    for word in words {
        match word.strip_prefix('@').map(regular::read_to_string) {
            Some(Ok(text)) => arguments.extend(crate::syntax::words(&text)?),
            _ => arguments.push(word),
        }
    }
    let unwanted = |word: &String| {
        let starts = |list: &[&str]| list.iter().any(|o| word.starts_with(o));
        starts(DEPENDENCIES) || word.starts_with("-ffile-prefix-map=") || (gcc && starts(GCC_ONLY))
    };
    arguments.retain(|word| !unwanted(word));
    let file = map.source(&cwd.join(source));
    if !is_source(&file) {
        return None;
    }
    let file = json(&file.to_string_lossy());
    let arguments: Vec<_> = arguments.iter().map(|word| json(&map.line(word))).collect();
    Some(format!(
        "{file}\t{{\"directory\":{},\"file\":{file},\"arguments\":[{}]}}",
        json(&map.source(cwd).to_string_lossy()),
        arguments.join(",")
    ))
}

fn is_source(file: &Path) -> bool {
    let c = file.extension().is_some_and(|e| e == "c" || e == "S");
    c && file.is_file()
}

/// Formats a text as a JSON string.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn an_entry_has_source_paths_and_only_the_options_that_an_editor_needs() {
        let root = Root::new();
        let a = root.write("a source/a.c", "");
        let source = root.join("a source");
        let map = PathMap::new(
            Path::new("/o/stage"),
            vec![("/o/stage".into(), source.clone())],
        );
        let text = "savedcmd_/o/stage/a.o := gcc -Wp,-MMD,/o/stage/.a.o.d -fconserve-stack \
                    -DX='\"a$(pound)b\"' -c -o /o/stage/a.o /o/stage/a.c   ; ./objtool x\n\n\
                    source_/o/stage/a.o := /o/stage/a.c\n";
        let line = entry(text, Path::new("/k"), &map, true).unwrap();
        let (file, object) = line.split_once('\t').unwrap();
        assert_eq!(file, format!("\"{}\"", a.display()));
        assert_eq!(
            object,
            format!(
                "{{\"directory\":\"/k\",\"file\":{file},\"arguments\":[\"gcc\",\"-DX=\\\"a#b\\\"\",\
                 \"-c\",\"-o\",\"{}/a.o\",{file}]}}",
                source.display()
            )
        );
    }

    #[test]
    fn a_json_string_is_escaped() {
        assert_eq!(json("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
    }
}
