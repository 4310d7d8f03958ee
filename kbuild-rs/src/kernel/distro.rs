//! This distribution's names of the packages that an error message recommends.

use std::fmt;
use std::path::Path;

use crate::error::Advice;
use crate::sys::regular;

/// How to install a package: as text, and as a command if there is one.
#[derive(Debug)]
pub(super) struct Install {
    text: String,
    command: Option<Vec<String>>,
}

impl Install {
    fn words(text: String) -> Install {
        let command = None;
        Install { text, command }
    }

    fn command(manager: [&str; 2], packages: &[&str]) -> Install {
        let words: Vec<String> = manager
            .iter()
            .chain(packages)
            .map(|word| (*word).to_owned())
            .collect();
        Install {
            text: words.join(" "),
            command: Some(words),
        }
    }

    /// The same as advice.
    pub(super) fn advice(self, code: &'static str) -> Advice {
        let advice = Advice::new(code, format!("install it: {}", self.text));
        match self.command {
            Some(command) => advice.with_command(command),
            None => advice,
        }
    }
}

impl fmt::Display for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distro {
    Debian,
    Ubuntu,
    Fedora,
    Suse,
    Arch,
    Alpine,
    Other,
}

impl Distro {
    /// The distribution in `/etc/os-release` below `root`, by its `ID` and `ID_LIKE`.
    pub(super) fn of(root: &Path) -> Distro {
        let text = regular::read_to_string(root.join("etc/os-release")).unwrap_or_default();
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .unwrap_or_default()
                .trim_matches(['"', '\''])
        };
        let words = [value("ID"), value("ID_LIKE")];
        words
            .iter()
            .flat_map(|value| value.split_whitespace())
            .find_map(|word| {
                Some(match word {
                    "debian" | "raspbian" => Distro::Debian,
                    "ubuntu" => Distro::Ubuntu,
                    "fedora" | "rhel" | "centos" => Distro::Fedora,
                    "suse" | "opensuse" => Distro::Suse,
                    "arch" => Distro::Arch,
                    "alpine" => Distro::Alpine,
                    _ => return None,
                })
            })
            .unwrap_or(Distro::Other)
    }

    /// Whether its packages have Debian's names.
    pub(super) fn is_debian_like(self) -> bool {
        matches!(self, Distro::Debian | Distro::Ubuntu)
    }

    /// The command that installs the headers of `release`.
    pub(super) fn headers(self, release: &str) -> Install {
        match self {
            Distro::Debian | Distro::Ubuntu => {
                Install::command(["apt", "install"], &[&format!("linux-headers-{release}")])
            }
            Distro::Fedora => {
                Install::command(["dnf", "install"], &[&format!("kernel-devel-{release}")])
            }
            Distro::Suse => Install::command(
                ["zypper", "install"],
                &["kernel-devel", "kernel-default-devel"],
            ),
            Distro::Arch => Install::words(
                "pacman -S linux-headers\n(for another kernel, the headers of that \
                                one, such as linux-lts-headers)"
                    .into(),
            ),
            Distro::Alpine => Install::words(
                "apk add linux-lts-dev\n(for another kernel, the \
                                              headers of that one, such as linux-virt-dev)"
                    .into(),
            ),
            Distro::Other => Install::words(format!(
                "your distribution's header package for kernel {release}"
            )),
        }
    }

    /// The same, for any kernel.
    pub(super) fn any_headers(self) -> Install {
        match self {
            Distro::Debian => Install::words(format!(
                "apt install linux-headers-$(uname -r)\nor, in a container:\n    apt install \
                 linux-headers-{}",
                deb_arch()
            )),
            Distro::Ubuntu => Install::words(
                "apt install linux-headers-$(uname -r)\nor, in a container:\n    apt install \
                 linux-headers-generic"
                    .into(),
            ),
            Distro::Fedora => Install::command(["dnf", "install"], &["kernel-devel"]),
            Distro::Other => Install::words("your distribution's kernel header package".into()),
            _ => self.headers(""),
        }
    }

    /// The command that installs a compiler or tool, by the name of its Debian package.
    pub(super) fn package(self, debian: &str) -> Install {
        // Other distributions do not have the version in the name.
        let plain = debian.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
        match self {
            Distro::Debian | Distro::Ubuntu => Install::command(["apt", "install"], &[debian]),
            Distro::Fedora => Install::command(["dnf", "install"], &[plain]),
            Distro::Suse => Install::command(["zypper", "install"], &[plain]),
            Distro::Arch => Install::command(["pacman", "-S"], &[plain]),
            Distro::Alpine => Install::command(["apk", "add"], &[plain]),
            Distro::Other => Install::words(format!(
                "the package {debian}, or what your distribution calls it"
            )),
        }
    }
}

/// The command that installs a tool here, by the name of its Debian package: as text, and as advice.
#[cfg(feature = "install")]
pub(crate) fn install_command(code: &'static str, debian: &str) -> (String, Advice) {
    let install = Distro::of(Path::new("/")).package(debian);
    (install.to_string(), install.advice(code))
}

/// Debian's name for this machine's architecture.
pub(super) fn deb_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "686-pae",
        "aarch64" => "arm64",
        "arm" => "armmp",
        "powerpc64" => "powerpc64le",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn each_distribution_gets_the_name_of_its_own_package() {
        let root = Root::new();
        for (text, distro, advice) in [
            (
                "ID=debian\n",
                Distro::Debian,
                "apt install linux-headers-6.1",
            ),
            (
                "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
                Distro::Ubuntu,
                "apt install",
            ),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                Distro::Fedora,
                "kernel-devel-6.1",
            ),
            (
                "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n",
                Distro::Suse,
                "zypper",
            ),
            ("ID=arch\n", Distro::Arch, "pacman -S linux-headers"),
            ("ID=nixos\n", Distro::Other, "header package"),
            ("", Distro::Other, "6.1"),
        ] {
            root.write("etc/os-release", text);
            let found = Distro::of(root.path());
            assert_eq!(found, distro, "{text}");
            assert!(found.headers("6.1").to_string().contains(advice), "{text}");
        }
    }
}
