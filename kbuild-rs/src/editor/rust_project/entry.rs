//! One crate in `rust-project.json`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::editor::compile_commands::json;

/// One crate in the form of the file.
pub(crate) struct Crate<'a> {
    pub(crate) name: &'a str,
    pub(crate) root: &'a Path,
    pub(crate) edition: &'a str,
    /// The configuration, in the form of the file.
    pub(crate) cfgs: &'a str,
    /// The crates that this crate needs: (number, name).
    pub(crate) needs: Vec<(usize, &'a str)>,
    pub(crate) env: Vec<(String, String)>,
    /// The folders of the crate's sources, and the folders in them that do not belong to the crate.
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) excluded: Vec<PathBuf>,
    /// The library of a procedural macro.
    pub(crate) library: Option<PathBuf>,
    pub(crate) own: bool,
}

impl Crate<'_> {
    /// The crate's entry on one line.
    pub(crate) fn entry(&self) -> String {
        let mut text = String::from("{\"display_name\":");
        text.push_str(&json(self.name));
        text.push_str(",\"root_module\":");
        text.push_str(&path(self.root));
        text.push_str(",\"edition\":");
        text.push_str(&json(self.edition));
        text.push_str(",\"is_workspace_member\":");
        text.push_str(if self.own { "true" } else { "false" });
        text.push_str(",\"deps\":[");
        for (at, (number, name)) in self.needs.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let _ = write!(text, "{comma}{{\"crate\":{number},\"name\":\"{name}\"}}");
        }
        text.push_str("],\"cfg\":[");
        text.push_str(self.cfgs);
        text.push_str("],\"env\":{");
        for (at, (name, value)) in self.env.iter().enumerate() {
            text.push_str(if at > 0 { "," } else { "" });
            text.push_str(&json(name));
            text.push(':');
            text.push_str(&json(value));
        }
        text.push_str("},\"is_proc_macro\":");
        match &self.library {
            Some(library) => {
                text.push_str("true,\"proc_macro_dylib_path\":");
                text.push_str(&path(library));
            }
            None => text.push_str("false"),
        }
        if !self.folders.is_empty() {
            text.push_str(",\"source\":{\"include_dirs\":[");
            paths(&self.folders, &mut text);
            text.push_str("],\"exclude_dirs\":[");
            paths(&self.excluded, &mut text);
            text.push_str("]}");
        }
        text.push('}');
        text
    }
}

/// The text between the brackets of a JSON list.
pub(crate) fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| json(word)).collect();
    words.join(",")
}

fn path(path: &Path) -> String {
    json(&path.to_string_lossy())
}

fn paths(all: &[PathBuf], text: &mut String) {
    for (at, one) in all.iter().enumerate() {
        text.push_str(if at > 0 { "," } else { "" });
        text.push_str(&path(one));
    }
}
