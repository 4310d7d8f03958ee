//! `strip`, with the meaning of `INSTALL_MOD_STRIP`.

use std::io::Write;
use std::path::Path;

use super::super::modinfo::ModuleInfo;
use super::super::target::Target;
use super::tool::{Failure, Step, Tool};
use crate::kernel::{ElfKind, missing_tool, shown, strip_package, strip_programs};
use crate::sys::{regular, temporary_folder};
use crate::{Error, ErrorKind, Result};

/// Options of `strip`, as `INSTALL_MOD_STRIP` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip(String);

/// Options that send the result elsewhere: the module would stay as it is.
const ELSEWHERE: [&str; 2] = ["-o", "--output-file"];

impl Strip {
    /// `1` means `--strip-debug`; another value is the options of `strip`, separated by blanks.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an empty value, one with characters that only a shell
    /// understands, and an option that names another output.
    pub fn new(value: &str) -> Result<Strip> {
        let refused = |why: &str| {
            Err(Error::input(format!(
                "the options {value:?} of strip {why}; use 1 for --strip-debug, or options such as \
                 --strip-unneeded"
            )))
        };
        let words: Vec<&str> = value.split_whitespace().collect();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.=*,+:/".contains(c);
        let leads_elsewhere = |word: &&str| {
            let name = word.split('=').next().unwrap_or(word);
            ELSEWHERE.contains(&name) || (word.starts_with("-o") && !word.starts_with("--"))
        };
        match words.as_slice() {
            [] => refused("are empty"),
            ["1"] => Ok(Strip("--strip-debug".to_owned())),
            [first, ..] if !first.starts_with('-') => refused("do not begin with a dash"),
            words if !words.iter().all(|word| word.chars().all(is_plain)) => {
                refused("have characters that a shell would interpret")
            }
            words if words.iter().any(leads_elsewhere) => refused("name another output file"),
            words => Ok(Strip(words.join(" "))),
        }
    }

    /// The options that `strip` gets.
    pub fn options(&self) -> &str {
        &self.0
    }

    /// The bytes of the stripped module.
    pub(super) fn apply(
        &self,
        module: &[u8],
        info: &ModuleInfo,
        target: &Target,
        name: &str,
    ) -> Result<Vec<u8>> {
        let step = Step {
            doing: "stripping",
            module: name,
        };
        let kind = ElfKind::of(module, &info.arch);
        let programs = strip_programs(target.tree.as_ref(), target.config.as_ref(), kind);
        let mut refused: Vec<String> = Vec::new();
        let folder = temporary_folder()?;
        for program in programs {
            match self.run(&Tool::at(program.clone()), module, folder.path()) {
                Ok(stripped) => return Ok(stripped),
                // Another architecture's strip may read it.
                Err(Failure::Said(text)) if reads_not(&text) => refused.push(shown(&program)),
                Err(failure) => return Err(failure.into_error(&program, step)),
            }
        }
        let package = strip_package(target.config.as_ref(), kind);
        let why = format!("stripping {name}, a module for {},", info.arch);
        let missing = missing_tool("a strip program that reads it", &why, &package);
        match refused.is_empty() {
            true => Err(missing),
            false => Err(Error::new(
                ErrorKind::ToolNotFound,
                format!("{missing}\nThese programs cannot: {}", refused.join(", ")),
            )),
        }
    }

    /// Strips a private copy in place, as the kernel does.
    fn run(&self, tool: &Tool, module: &[u8], folder: &Path) -> Result<Vec<u8>, Failure> {
        let mut file = tempfile::Builder::new()
            .suffix(".ko")
            .tempfile_in(folder)
            .map_err(Failure::System)?;
        let written = file.write_all(module).and_then(|()| file.flush());
        written.map_err(Failure::System)?;
        let mut arguments: Vec<&std::ffi::OsStr> =
            self.0.split(' ').map(std::ffi::OsStr::new).collect();
        arguments.push(file.path().as_os_str());
        tool.run(&arguments, None)?;
        // strip may have put a new file in the place of the old one.
        regular::read(file.path()).map_err(Failure::System)
    }
}

/// Whether strip says that it does not know this kind of file: binutils, then LLVM.
fn reads_not(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["unable to recognise", "not recognized", "not recognised"]
        .iter()
        .any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_means_strip_debug_and_other_values_are_options() {
        assert_eq!(Strip::new("1").unwrap().options(), "--strip-debug");
        let two = Strip::new(" --strip-debug  -R .comment ").unwrap();
        assert_eq!(two.options(), "--strip-debug -R .comment");
        for value in [
            "",
            " ",
            "2",
            "-g; true",
            "-g $(x)",
            "-g -o x",
            "-ox",
            "--output-file=x",
        ] {
            let error = Strip::new(value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{value}");
        }
    }

    #[test]
    fn a_strip_for_another_architecture_is_recognized_by_its_words() {
        let text = "strip: Unable to recognise the format of the input file `x.ko'";
        assert!(reads_not(text));
        assert!(reads_not("strip: x.ko: file format not recognized"));
        assert!(!reads_not("strip: unrecognized option '--x'"));
    }
}
