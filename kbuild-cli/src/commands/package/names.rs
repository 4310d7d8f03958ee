//! Words that packages may use: names, versions, releases, architectures.

use kbuild::Finished;

use crate::ui::failure::Failure;

/// A name for packages of every format: lower case, letters, digits, `+`, `-` and `.`. Debian allows
/// no others.
pub(super) fn package_name(text: &str) -> String {
    let fitting = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || "+-.".contains(c) => c,
        _ => '-',
    };
    let name: String = text.chars().map(fitting).collect();
    let start = |c: char| !c.is_ascii_alphanumeric();
    name.trim_start_matches(start)
        .trim_end_matches('-')
        .to_owned()
}

/// Refuses a release that could lead a path elsewhere: it is the text of a module.
pub(super) fn check_release(release: &str) -> Result<(), Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-._~".contains(c);
    let starts_well = release.starts_with(|c: char| c.is_ascii_alphanumeric());
    match starts_well && release.chars().all(is_plain) {
        true => Ok(()),
        false => Err(Failure::no_result(format!(
            "a module names the kernel release {release:?}, which cannot be part of a package's name; \
             build the module again"
        ))),
    }
}

/// Refuses a file name that a script or a list of files would misread.
pub(super) fn check_file_name(name: &str) -> Result<(), Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    match starts_well && name.chars().all(is_plain) {
        true => Ok(()),
        false => Err(Failure::no_result(format!(
            "{name:?} cannot be the file of a module in a package; rename it"
        ))),
    }
}

/// Whether every format takes this version: it begins with a digit; letters, digits, `.`, `+`, `~`,
/// and at most one `-` before the revision of the package.
pub(super) fn is_version(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".+~-".contains(c);
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(is_plain)
        && text.matches('-').count() <= 1
        && !text.ends_with('-')
}

/// Refuses a text with line breaks, which would begin a new field.
pub(super) fn check_line(flag: &str, text: &str) -> Result<(), Failure> {
    match text.trim().is_empty() || text.chars().any(char::is_control) {
        false => Ok(()),
        true => Err(Failure::wrong_call(format!(
            "{flag} {text:?}: give one line of text"
        ))),
    }
}

/// The longest text that one flag adds to the name of a package's file. The release and the name of a
/// module follow, and file systems take 255 bytes.
const LONGEST: usize = 64;

/// Refuses a text that makes the name of a file too long.
pub(super) fn check_length(flag: &str, text: &Option<String>) -> Result<(), Failure> {
    match text.as_ref().map_or(0, String::len) {
        0..=LONGEST => Ok(()),
        length => Err(Failure::wrong_call(format!(
            "{flag} has {length} characters: use at most {LONGEST}, which become part of a file name"
        ))),
    }
}

/// Refuses the name of a package's file if a file beside it cannot have its name and a suffix.
pub(super) fn check_package_file(name: &str) -> Result<(), Failure> {
    match name.len() <= 230 {
        true => Ok(()),
        false => Err(Failure::wrong_call(format!(
            "{name} is too long for the name of a file: choose a shorter one with --name"
        ))),
    }
}

/// What a module tells, as one line.
pub(super) fn one_line(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The names of one architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arch {
    pub(super) deb: &'static str,
    pub(super) rpm: &'static str,
    /// `ConditionArchitecture=` of systemd.
    pub(super) systemd: &'static str,
}

/// The architecture of a module.
pub(super) fn arch(module: &Finished) -> Result<Arch, Failure> {
    let names = (module.is_64_bit, module.is_little_endian);
    let (deb, rpm, systemd) = match (module.info.arch.as_str(), names) {
        ("x86", (true, _)) => ("amd64", "x86_64", "x86-64"),
        ("x86", (false, _)) => ("i386", "i686", "x86"),
        ("arm64", (_, true)) => ("arm64", "aarch64", "arm64"),
        ("arm", (_, true)) => ("armhf", "armv7hl", "arm"),
        ("riscv", (true, _)) => ("riscv64", "riscv64", "riscv64"),
        ("s390", _) => ("s390x", "s390x", "s390x"),
        ("powerpc", (true, true)) => ("ppc64el", "ppc64le", "ppc64-le"),
        ("powerpc", (true, false)) => ("ppc64", "ppc64", "ppc64"),
        ("loongarch", _) => ("loong64", "loongarch64", "loongarch64"),
        ("mips", (true, true)) => ("mips64el", "mips64el", "mips64-le"),
        (arch, _) => {
            return Err(Failure::no_result(format!(
                "{} is for the architecture {arch}, which no package format of kbuild-rs has a name \
                 for",
                module.source.display()
            )));
        }
    };
    Ok(Arch { deb, rpm, systemd })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_name_has_only_letters_that_debian_allows() {
        assert_eq!(package_name("Snd_HDA codec"), "snd-hda-codec");
        assert_eq!(package_name("6.12.117+deb12-amd64"), "6.12.117+deb12-amd64");
        assert_eq!(package_name("../x_"), "x");
    }

    #[test]
    fn versions_releases_and_files_are_checked() {
        for version in [
            "0", "1.0", "2.3~rc1", "1:2", "v1", "1-2", "1-2-3", "1-", "1 2", "",
        ] {
            let expected = ["0", "1.0", "2.3~rc1", "1-2"].contains(&version);
            assert_eq!(is_version(version), expected, "{version}");
        }
        assert!(check_release("6.1.0-57-amd64").is_ok());
        for release in ["../x", "", ".6", "6 1", "6/1", "6\n", "$(x)"] {
            assert!(check_release(release).is_err(), "{release}");
        }
        assert!(check_file_name("a-b_c.ko.xz").is_ok());
        assert!(check_file_name("a b.ko").is_err());
        assert!(check_line("--maintainer", "A <a@b>").is_ok());
        assert!(check_line("--maintainer", "A\nDepends: x").is_err());
        assert_eq!(one_line(" a\n  b "), "a b");
    }
}
