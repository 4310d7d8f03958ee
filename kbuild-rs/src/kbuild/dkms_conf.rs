//! Reads a `dkms.conf` beside a module tree: its author's build steps. It is shell code, and
//! kbuild-rs reads it as text and runs none of it.

use std::path::{Path, PathBuf};

use crate::error::names::MAKE_VAR;
use crate::sys::regular;

/// The steps in it that a user may have to repeat.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Dkms {
    /// The command that builds the first module.
    make: Option<String>,
    /// The script that runs before the build.
    pre_build: Option<String>,
    /// The folder in which the first module appears.
    location: Option<String>,
}

impl Dkms {
    /// The steps that the file in a folder asks for, as the end of an error. Empty if there is no
    /// file, or no special step.
    pub(crate) fn advice(dir: &Path, shown: &dyn Fn(&Path) -> PathBuf) -> String {
        let path = dir.join("dkms.conf");
        let Ok(text) = regular::read(&path) else {
            return String::new();
        };
        let said = Dkms::parse(&String::from_utf8_lossy(&text)).sentences();
        match said.is_empty() {
            true => String::new(),
            false => format!(". {} {said}", shown(&path).display()),
        }
    }

    pub(super) fn parse(text: &str) -> Dkms {
        let mut dkms = Dkms::default();
        for line in text.replace("\\\n", " ").lines() {
            let Some((name, value)) = line.trim().split_once('=') else {
                continue;
            };
            let value = unquoted(value);
            let words: Vec<&str> = value.split_whitespace().collect();
            let value = Some(words.join(" ")).filter(|value| !value.is_empty());
            match name {
                "MAKE" | "MAKE[0]" => dkms.make = value,
                "PRE_BUILD" => dkms.pre_build = value,
                "BUILT_MODULE_LOCATION" | "BUILT_MODULE_LOCATION[0]" => dkms.location = value,
                _ => {}
            }
        }
        dkms
    }

    pub(super) fn sentences(&self) -> String {
        let mut said = Vec::new();
        if let Some(make) = &self.make {
            said.push(format!(
                "builds the module with this command:\n    {make}\nGive the variables of that \
                 command ({MAKE_VAR}), and build the folder that it names"
            ));
        }
        if let Some(location) = self
            .location
            .as_deref()
            .filter(|l| !matches!(*l, "." | "./"))
        {
            said.push(format!("expects the module in {location}"));
        }
        if let Some(script) = &self.pre_build {
            said.push(format!(
                "runs `{script}` before make. Do the same:\n    --prepare 'sh {script}'\n\
                 (Build::prepare; in CMake, PREPARE; in Meson, prepare)"
            ));
        }
        said.join(". It ")
    }
}

/// The value of an assignment in a shell's file, without quotes and without the rest of the line.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default().to_owned();
        }
    }
    value
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dkms_conf_tells_its_command_folder_and_script() {
        let dkms = Dkms::parse(
            "PACKAGE_NAME=\"x\"\nMAKE[0]=\"make -C src KVER=${kernelver} \\\n all\"\n\
             BUILT_MODULE_LOCATION[0]=src/ # here\nPRE_BUILD='pre build.sh'\nCLEAN=\"make clean\"\n",
        );
        let said = dkms.sentences();
        for part in [
            "builds the module with this command:\n    make -C src KVER=${kernelver} all\nGive ",
            "It expects the module in src/",
            "--prepare 'sh pre build.sh'",
        ] {
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(
            Dkms::parse("PACKAGE_NAME=x\nDEST_MODULE_LOCATION[0]=/updates\n").sentences(),
            ""
        );
        assert_eq!(
            Dkms::parse("MAKE=\nBUILT_MODULE_LOCATION=.\n").sentences(),
            ""
        );
    }
}
