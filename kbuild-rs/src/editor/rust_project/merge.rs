//! Merges the crates of several builds into one `rust-project.json`.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::sys::{parent_writer, regular};
use crate::{Error, Result, sys};

/// The text that marks a module's own entry, as [`crate::editor::rust_project::entry`] writes it.
const OWN: &str = "\"is_workspace_member\":true";

/// Writes the crates of the files `from`, which builds left beside their products, into one
/// `rust-project.json` of a larger project. Crates for another kernel than the first file's are
/// left out, because such a file describes one kernel. Any of `from` may be missing. If all are
/// missing, or if another program wrote `into`, `into` stays as it is.
///
/// Several processes may do this at once if all of them name the same folder `lock`, which must
/// exist.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io).
pub fn merge_rust_projects(into: &Path, from: &[PathBuf], lock: &Path) -> Result<()> {
    let held = File::open(lock).map_err(|e| Error::writing("open", lock, e))?;
    sys::lock(&held).map_err(|e| Error::writing("lock", lock, e))?;
    let texts = from.iter().map(regular::read_to_string);
    let texts: Vec<String> = texts.map(|text| text.unwrap_or_default()).collect();
    let joined = join(texts.iter().filter_map(|text| split(text)));
    let is_ours = regular::read_to_string(into).map_or(true, |there| split(&there).is_some());
    match joined.filter(|_| is_ours) {
        Some(text) => parent_writer(into)?.write_if_changed(into, text.as_bytes()),
        None => Ok(()),
    }
}

/// Splits a file into its part about the kernel and the entries of the module's own crates.
pub(in crate::editor) fn split(text: &str) -> Option<(&str, Vec<&str>)> {
    let text = text.strip_prefix('{')?.strip_suffix("\n]}\n")?;
    let mut ends = text.match_indices(",\n");
    let (end, comma) = ends.find(|(end, comma)| {
        let next = text[end + comma.len()..].lines().next();
        next.is_some_and(|entry| entry.contains(OWN))
    })?;
    Some((
        &text[..end],
        text[end + comma.len()..].split(",\n").collect(),
    ))
}

/// Joins such parts into one file, without the parts for another kernel than the first one's;
/// `None` if there are no parts.
pub(crate) fn join<'a>(parts: impl Iterator<Item = (&'a str, Vec<&'a str>)>) -> Option<String> {
    let mut of_kernel = None;
    let mut entries = BTreeSet::new();
    for (kernel, own) in parts {
        if *of_kernel.get_or_insert(kernel) == kernel {
            entries.extend(own);
        }
    }
    let mut text = format!("{{{}", of_kernel?);
    entries.iter().for_each(|entry| text.extend([",\n", entry]));
    text.push_str("\n]}\n");
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn crates_of_one_kernel_come_together_and_those_of_another_are_left_out() {
        let kernel = "\"sysroot\":\"/r\",\n\"crates\":[\n{\"a\":1,\"is_workspace_member\":false}";
        let own = |name: &&str| format!("{{\"name\":\"{name}\",{OWN}}}");
        let file = |kernel: &str, names: &[&str]| {
            let names: Vec<String> = names.iter().map(own).collect();
            join([(kernel, names.iter().map(|n| &**n).collect())].into_iter()).unwrap()
        };
        let texts = [
            file(kernel, &["b", "c"]),
            String::new(),
            "something else".into(),
            file(kernel, &["a", "b"]),
            file(&kernel.replace("/r", "/other"), &["d"]),
        ];
        let joined = join(texts.iter().filter_map(|text| split(text))).unwrap();
        assert_eq!(joined, file(kernel, &["a", "b", "c"]));
        assert_eq!(join(std::iter::empty()), None);
    }

    #[test]
    fn a_file_is_written_over_where_it_comes_from_here() {
        let root = crate::fixture::Root::new();
        let (into, from) = (root.join("all"), [root.join("a"), root.join("missing")]);
        let merged = || {
            merge_rust_projects(&into, &from, root.path()).unwrap();
            fs::read_to_string(&into).ok()
        };
        assert_eq!(merged(), None);
        for name in ["one", "other"] {
            let text = format!("{{\"crates\":[\n{{}},\n{{\"name\":\"{name}\",{OWN}}}\n]}}\n");
            root.write("a", &text);
            assert_eq!(merged(), Some(text));
        }
        root.write("all", "{\"crates\":[]}");
        assert_eq!(merged().unwrap(), "{\"crates\":[]}");
    }
}
