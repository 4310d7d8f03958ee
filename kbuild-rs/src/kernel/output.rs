//! The folder in which a kernel tree's Makefile makes kbuild work.
//!
//! `make O=DIR` and Debian's packages write a Makefile that names `DIR` in `KBUILD_OUTPUT`. In a
//! copy of that tree it still names the original. Kbuild then takes the original's configuration
//! and, from 6.13 on, writes its products, a new `Makefile` and a new `source` into the copy.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::open::{head, not_prepared};
use crate::Result;

/// make's own order of names.
const MAKEFILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// Ends the reading of Makefiles that include each other; no tree has so many.
const INCLUDES: usize = 8;

/// Returns the path of the tree at `dir` that kbuild must get. kbuild compares the working
/// directory with `KBUILD_OUTPUT` as text, so a bind mount of the tree does not work.
pub(super) fn working_directory(dir: PathBuf) -> Result<PathBuf> {
    let Some(found) = assignment(&dir) else {
        return Ok(dir);
    };
    let shown = dir.display();
    let line = format!("{} of {}", found.line, found.makefile.display());
    if found.variable == "KBUILD_EXTMOD_OUTPUT" {
        return Err(not_prepared(format!(
            "kbuild would put every module into {}, because of line {line}. A build with MO= \
             overwrote this Makefile in the kernel tree {shown}. Remove the lines in it that name \
             KBUILD_EXTMOD and KBUILD_EXTMOD_OUTPUT",
            found.value.display()
        )));
    }
    let (here, there) = (fs::metadata(&dir), fs::metadata(&found.value));
    let is_here = match (&here, &there) {
        (Ok(here), Ok(there)) => (here.dev(), here.ino()) == (there.dev(), there.ino()),
        _ => false,
    };
    if is_here {
        return Ok(fs::canonicalize(&found.value).unwrap_or(dir));
    }
    let (missing, other) = match there {
        Ok(_) => ("", format!("Use {}, or ", found.value.display())),
        Err(_) => (", which does not exist", "To use it here, ".to_owned()),
    };
    // An included Makefile may have the right path for its own folder.
    let own = found.makefile.parent() == Some(&*dir) && !found.makefile.is_symlink();
    let mend = match own {
        true => format!("change that line to:\n    {}{shown}", found.lead),
        false => format!("create the tree again, in the kernel's source:\n    make O={shown}"),
    };
    Err(not_prepared(format!(
        "the kernel tree {shown} was copied or moved. Line {line} still points to {}{missing}, so \
         kbuild would work there. {other}{mend}",
        found.value.display(),
    )))
}

/// A line that names a folder for kbuild.
struct Assignment {
    variable: String,
    /// The folder, as an absolute path.
    value: PathBuf,
    /// The text before the value.
    lead: String,
    makefile: PathBuf,
    line: usize,
}

/// The first such line that make reads in `dir`. A value that only make can compute is skipped.
fn assignment(dir: &Path) -> Option<Assignment> {
    let names = MAKEFILES.iter().map(|name| dir.join(name));
    let mut makefiles: Vec<PathBuf> = names.filter(|file| file.exists()).take(1).collect();
    let here = dir.to_str()?;
    let known = |text: &str| {
        let text = text.replace("$(CURDIR)", here).replace("${CURDIR}", here);
        (!text.is_empty() && !text.contains('$')).then(|| dir.join(text))
    };
    let mut at = 0;
    while let Some(makefile) = makefiles.get(at).cloned().filter(|_| at < INCLUDES) {
        at += 1;
        let Ok(text) = head(&makefile) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some((lead, variable, value)) = output_variable(line) {
                if let Some(value) = known(value) {
                    return Some(Assignment {
                        variable: variable.to_owned(),
                        value,
                        lead: lead.to_owned(),
                        makefile,
                        line: number + 1,
                    });
                }
            }
            let mut words = line.split_whitespace();
            if matches!(words.next(), Some("include" | "-include" | "sinclude")) {
                makefiles.extend(words.filter_map(known));
            }
        }
    }
    None
}

/// Splits `export KBUILD_OUTPUT = /obj` into
/// `("export KBUILD_OUTPUT = ", "KBUILD_OUTPUT", "/obj")`.
pub(super) fn output_variable(line: &str) -> Option<(&str, &str, &str)> {
    let (left, right) = line.split_once('=')?;
    let mut words = left.trim_end_matches([':', '?', '+']).split_whitespace();
    let variable = words.next_back()?;
    let is_output = ["KBUILD_OUTPUT", "KBUILD_EXTMOD_OUTPUT"].contains(&variable);
    if !is_output || !words.all(|word| ["export", "override", "private"].contains(&word)) {
        return None;
    }
    let value = right.split('#').next().unwrap_or_default().trim();
    let start = line.len() - right.trim_start().len();
    Some((&line[..start], variable, value))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::fixture::Root;

    /// The result of opening a kernel tree with this Makefile.
    fn tree(root: &Root, makefile: &str) -> Result<PathBuf> {
        let dir = root.kernel("tree", "6.13.0");
        let (here, source) = (dir.display(), root.join("source"));
        root.kernel("source", "6.13.0");
        let text = makefile.replace("HERE", &here.to_string());
        let text = text.replace("SOURCE", source.to_str().unwrap());
        root.write(
            "tree/Makefile",
            text.replace("ROOT", root.path().to_str().unwrap()),
        );
        working_directory(dir)
    }

    #[test]
    fn a_makefile_that_names_its_own_folder_is_right() {
        let root = Root::new();
        root.kernel("tree", "6.13.0");
        symlink(root.join("tree"), root.join("link")).unwrap();
        for makefile in [
            "export KBUILD_OUTPUT = HERE\ninclude SOURCE/Makefile\n",
            "KBUILD_OUTPUT=HERE/\ninclude SOURCE/Makefile\n",
            "KBUILD_OUTPUT := $(CURDIR) # here\ninclude SOURCE/Makefile\n",
            "export KBUILD_OUTPUT = ROOT/link\ninclude ../source/Makefile\n",
            "KBUILD_OUTPUT ?= .\ninclude SOURCE/Makefile\n",
            "include SOURCE/Makefile\n",
            "VERSION = 6\nKBUILD_OUTPUT := $(O)\n",
            "# KBUILD_OUTPUT = /elsewhere\nVERSION = 6\n",
        ] {
            assert_eq!(
                tree(&root, makefile).unwrap(),
                root.join("tree"),
                "{makefile}"
            );
        }
    }

    #[test]
    fn the_message_about_a_copy_names_the_original_and_the_line_to_change() {
        let root = Root::new();
        let original = root.kernel("original", "6.13.0");
        let says = |makefile: &str, words: &[&str]| {
            let error = tree(&root, makefile).unwrap_err();
            for word in words {
                assert!(error.to_string().contains(word), "{word:?} in: {error}");
            }
        };
        let [here, there] = [&root.join("tree"), &original].map(|dir| dir.display().to_string());
        for lead in [
            "export KBUILD_OUTPUT = ",
            "KBUILD_OUTPUT=",
            "override KBUILD_OUTPUT := ",
        ] {
            says(
                &format!("# made\n{lead}{there}\ninclude SOURCE/Makefile\n"),
                &[
                    &format!("Line 2 of {here}/Makefile"),
                    &format!("Use {there}, or change"),
                    &format!("\n    {lead}{here}"),
                ],
            );
        }
        says(
            "export KBUILD_OUTPUT = ROOT/gone\ninclude SOURCE/Makefile\n",
            &[&format!(
                "{}, which does not exist",
                root.join("gone").display()
            )],
        );
        says(
            "export KBUILD_EXTMOD_OUTPUT = /module\ninclude SOURCE/Makefile\n",
            &["/module", "MO=", "Remove the lines"],
        );
        // This Makefile includes one that is right in its own folder.
        root.write(
            "original/Makefile",
            format!("export KBUILD_OUTPUT = {there}\nVERSION = 6\n"),
        );
        let included = format!("Line 1 of {there}/Makefile");
        says(
            "include ROOT/original/Makefile\n",
            &[&included, &there, "make O="],
        );
        root.write("tree/GNUmakefile", format!("KBUILD_OUTPUT = {there}\n"));
        says("VERSION = 6\n", &["tree/GNUmakefile", &there]);
    }
}
