//! The values of flags, and which flags go together: what clap cannot tell by itself.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::args::build::{BuildArgs, IdeArgs};

pub(crate) fn pair(text: OsString) -> Result<(OsString, OsString), String> {
    let bytes = text.as_bytes();
    match bytes.iter().position(|b| *b == b'=') {
        Some(at) if at > 0 => Ok((
            OsString::from_vec(bytes[..at].to_vec()),
            OsString::from_vec(bytes[at + 1..].to_vec()),
        )),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

pub(crate) fn make_var(text: OsString) -> Result<(String, OsString), String> {
    let (name, value) = pair(text)?;
    match name.into_string() {
        Ok(name) => Ok((name, value)),
        Err(_) => Err("the name of a make variable has to be UTF-8".to_owned()),
    }
}

pub(crate) fn define(text: String) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text.as_str(), None),
    };
    if name.is_empty() {
        return Err("expected NAME or NAME=VALUE".to_owned());
    }
    Ok((name.to_owned(), value.map(str::to_owned)))
}

pub(crate) fn config(text: String) -> Result<(String, kbuild::Config), String> {
    use kbuild::Config::{Builtin, Module, Off};
    let value = match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => match value {
            "m" => Some((name, Module)),
            "y" => Some((name, Builtin)),
            "n" => Some((name, Off)),
            _ => None,
        },
        _ => None,
    };
    let Some((name, value)) = value else {
        return Err(no_switch(&text));
    };
    Ok((name.to_owned(), value))
}

/// A symbol that is not on, off or a module: a number, or a text.
fn no_switch(text: &str) -> String {
    const EXPECTED: &str = "expected FOO=m, FOO=y or FOO=n";
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            let name = name.strip_prefix("CONFIG_").unwrap_or(name);
            format!(
                "{EXPECTED}; set another value for makefiles with --make-var CONFIG_{name}={value}, \
                 for C with -D CONFIG_{name}={value}"
            )
        }
        _ => EXPECTED.to_owned(),
    }
}

/// What an element of CMake's COMPILE_OPTIONS stands for: itself, or what a shell would make of the
/// text behind `SHELL:`.
pub(crate) fn cmake_words(option: &str) -> Vec<String> {
    let Some(text) = option.strip_prefix("SHELL:") else {
        return vec![option.to_owned()];
    };
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(characters.next()),
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

impl IdeArgs {
    /// As [`BuildArgs::check`], for what an editor can be told of: one kernel.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.build.against.kernel.len() > 1 || self.build.against.all_kernels {
            return Err("an editor shows the code as one kernel sees it: name one".to_owned());
        }
        self.build.check()
    }
}

impl BuildArgs {
    /// Refuses what parses and still makes no sense, in words that name the way out.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.declared.name {
            Some(name) => self.check_declared(name)?,
            None => self.check_tree()?,
        }
        let trees = match self.declared.name {
            Some(_) => 1,
            None => self.inputs.len(),
        };
        if self.against.kernel.len() > 1 || self.against.all_kernels || trees > 1 {
            for (flag, given) in [
                ("--output", !self.products.output.is_empty()),
                ("--depfile", self.products.depfile.is_some()),
                (
                    "--compile-commands-record",
                    self.products.compile_commands_record.is_some(),
                ),
                ("--stamp", self.products.stamp.is_some()),
            ] {
                if given {
                    return Err(format!(
                        "{flag} names one file, and several builds were asked for: run the program once for each kernel and module tree"
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_declared(&self, name: &str) -> Result<(), String> {
        if self.inputs.is_empty() {
            return Err(format!(
                "--name {name} needs the sources of the module, as in: kbuild-rs build --name {name} {name}.c"
            ));
        }
        let tree = &self.tree;
        for (flag, given) in [
            ("--root", tree.root.is_some()),
            ("--exclude", !tree.exclude.is_empty()),
            ("--prepare", !tree.prepare.is_empty()),
            ("--prepare-input", !tree.prepare_input.is_empty()),
            ("--product", !tree.product.is_empty()),
        ] {
            if given {
                return Err(format!(
                    "{flag} is for a module tree, and --name {name} builds from a list of sources: leave one of them out"
                ));
            }
        }
        Ok(())
    }

    fn check_tree(&self) -> Result<(), String> {
        let declared = &self.declared;
        for (flag, given) in [
            ("--ldflag", !declared.ldflag.is_empty()),
            ("--bindings", !declared.bindings.is_empty()),
            ("--bindings-item", !declared.bindings_item.is_empty()),
        ] {
            if given {
                return Err(format!(
                    "{flag} is for a module built from a list of sources, which needs --name; a module tree says it in its Kbuild file"
                ));
            }
        }
        if !self.tree.prepare_input.is_empty() && self.tree.prepare.is_empty() {
            return Err(
                "--prepare-input says what --prepare reads, and there is no --prepare".to_owned(),
            );
        }
        let is_source = |input: &&std::path::PathBuf| {
            let extension = input.extension().unwrap_or_default();
            input.is_file() || (!input.exists() && ["c", "S", "rs"].iter().any(|e| extension == *e))
        };
        if let Some(file) = self.inputs.iter().find(is_source) {
            return Err(format!(
                "{} is a file: a module tree is a folder; a module built from sources needs a name, with --name",
                file.display()
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_split_at_the_first_equals_sign_and_may_be_any_bytes() {
        let bytes = OsString::from_vec(b"A=b=\xff".to_vec());
        let (name, value) = pair(bytes).unwrap();
        assert_eq!(name, "A");
        assert_eq!(value.as_bytes(), b"b=\xff");
        assert_eq!(pair("A=".into()).unwrap().1, "");
        assert!(pair("A".into()).is_err());
        assert!(pair("=b".into()).is_err());
        assert!(make_var(OsString::from_vec(b"\xff=b".to_vec())).is_err());
    }

    #[test]
    fn a_define_may_have_no_value_or_an_empty_one() {
        assert_eq!(define("A".into()).unwrap(), ("A".to_owned(), None));
        let empty = Some(String::new());
        assert_eq!(define("A=".into()).unwrap(), ("A".to_owned(), empty));
        let text = Some("\"a=b\"".to_owned());
        assert_eq!(define("A=\"a=b\"".into()).unwrap(), ("A".to_owned(), text));
        assert!(define("=1".into()).is_err());
    }

    #[test]
    fn an_option_of_cmakes_is_one_word_or_those_of_a_shell() {
        assert_eq!(cmake_words("-DA=\"x y\""), ["-DA=\"x y\""]);
        assert_eq!(
            cmake_words("SHELL:-include  'a b.h' -DX=\"c \\\" d\" -D\\ y ''"),
            ["-include", "a b.h", "-DX=c \" d", "-D y", ""]
        );
        assert!(cmake_words("SHELL: ").is_empty());
    }

    #[test]
    fn a_config_is_m_y_or_n() {
        use kbuild::Config::{Builtin, Module, Off};
        for (text, value) in [("FOO=m", Module), ("FOO=y", Builtin), ("FOO=n", Off)] {
            assert_eq!(config(text.into()).unwrap(), ("FOO".to_owned(), value));
        }
        for text in ["FOO", "FOO=", "FOO=M", "=m"] {
            assert!(config(text.into()).is_err(), "{text}");
        }
        for text in ["FOO=4", "CONFIG_FOO=4"] {
            let error = config(text.into()).unwrap_err();
            assert!(error.contains("--make-var CONFIG_FOO=4, "), "{error}");
        }
        for text in ["FOO", "FOO=", "=m"] {
            assert!(!config(text.into()).unwrap_err().contains("--make-var"));
        }
    }
}
