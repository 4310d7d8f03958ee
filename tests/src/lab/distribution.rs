//! The distribution of this machine.

use crate::Result;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Debian,
    Ubuntu,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Distribution {
    pub(super) family: Family,
    pub(super) codename: String,
}

impl Distribution {
    pub(super) fn here() -> Result<Distribution> {
        let text = ["/etc/os-release", "/usr/lib/os-release"]
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok())
            .unwrap_or_default();
        Self::parse(&text)
    }

    fn parse(os_release: &str) -> Result<Distribution> {
        let value = |key: &str| {
            os_release.lines().find_map(|line| {
                let (name, value) = line.split_once('=')?;
                (name.trim() == key).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
            })
        };
        let id = value("ID").unwrap_or_else(|| "unknown".into());
        let like = value("ID_LIKE").unwrap_or_default();
        let is = |wanted: &str| id == wanted || like.split_whitespace().any(|one| one == wanted);
        // Ubuntu also calls itself Debian-like.
        let (family, codename) = if is("ubuntu") {
            (
                Family::Ubuntu,
                value("UBUNTU_CODENAME").or_else(|| value("VERSION_CODENAME")),
            )
        } else if is("debian") {
            (
                Family::Debian,
                value("DEBIAN_CODENAME").or_else(|| value("VERSION_CODENAME")),
            )
        } else {
            return Err(format!(
                "the lab gets its kernels from Debian's or Ubuntu's packages; this is `{id}`"
            ));
        };
        let codename = codename.ok_or_else(|| {
            format!("/etc/os-release of `{id}` does not say its VERSION_CODENAME")
        })?;
        Ok(Distribution { family, codename })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_ubuntu_and_their_children_are_told_apart() {
        for (text, family, codename) in [
            (
                "ID=debian\nVERSION_CODENAME=bookworm\n",
                Family::Debian,
                "bookworm",
            ),
            (
                "ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n",
                Family::Ubuntu,
                "noble",
            ),
            (
                "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble",
                Family::Ubuntu,
                "noble",
            ),
        ] {
            let codename = codename.to_owned();
            assert_eq!(
                Distribution::parse(text),
                Ok(Distribution { family, codename })
            );
        }
    }

    #[test]
    fn another_distribution_is_an_error_that_names_it() {
        let error = Distribution::parse("ID=fedora\nID_LIKE=\"\"\n").unwrap_err();
        assert!(error.contains("`fedora`"), "{error}");
    }
}
