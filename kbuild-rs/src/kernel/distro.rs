//! What this distribution calls the packages that an error message recommends.

use std::path::Path;

use crate::sys::regular;

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
    /// By `ID` and `ID_LIKE` of `/etc/os-release` below `root`.
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

    /// The command that brings the headers of `release`.
    pub(super) fn headers(self, release: &str) -> String {
        match self {
            Distro::Debian | Distro::Ubuntu => format!("apt install linux-headers-{release}"),
            Distro::Fedora => format!("dnf install kernel-devel-{release}"),
            Distro::Suse => "zypper install kernel-devel kernel-default-devel".into(),
            Distro::Arch => "pacman -S linux-headers (or linux-lts-headers, …)".into(),
            Distro::Alpine => "apk add linux-lts-dev (or linux-virt-dev)".into(),
            Distro::Other => format!("your distribution's header package for kernel {release}"),
        }
    }

    /// The same for a machine where any kernel will do.
    pub(super) fn any_headers(self) -> String {
        match self {
            Distro::Debian => format!(
                "apt install linux-headers-$(uname -r), or linux-headers-{} in a container",
                deb_arch()
            ),
            Distro::Ubuntu => {
                "apt install linux-headers-$(uname -r), or linux-headers-generic in a container"
                    .into()
            }
            Distro::Fedora => "dnf install kernel-devel".into(),
            Distro::Other => "your distribution's kernel header package".into(),
            _ => self.headers(""),
        }
    }

    /// The command that brings a compiler or tool, by the name of its Debian package.
    pub(super) fn package(self, debian: &str) -> String {
        // Elsewhere versions are not part of the name.
        let plain = debian.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
        match self {
            Distro::Debian | Distro::Ubuntu => format!("apt install {debian}"),
            Distro::Fedora => format!("dnf install {plain}"),
            Distro::Suse => format!("zypper install {plain}"),
            Distro::Arch => format!("pacman -S {plain}"),
            Distro::Alpine => format!("apk add {plain}"),
            Distro::Other => format!("the package {debian}, or what your distribution calls it"),
        }
    }
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
    fn each_distribution_is_told_its_own_package() {
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
            assert!(found.headers("6.1").contains(advice), "{text}");
        }
    }
}
