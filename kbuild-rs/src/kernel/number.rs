//! The number of a kernel, for comparisons.

use std::path::{Path, PathBuf};

use super::Kernel;
use crate::sys::regular;

impl Kernel {
    /// The number of the upstream version: `[6, 1, 192]` for Debian's `6.1.0-57-amd64`.
    ///
    /// The kernel's Makefile has it. Without one, the highest of the other numbers counts: the release
    /// may have a number of the distribution's, `kernel.release` may be missing, and
    /// `LINUX_VERSION_CODE` ends at 255, so that 5.10.262 is 5.10.255 there.
    pub(crate) fn number(&self) -> [u32; 3] {
        let read = |file: &Path| {
            let bytes = regular::read(file).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let [makefile, release, header] = self.number_files();
        if let Some(number) = of_makefile(&read(&makefile)) {
            return number;
        }
        let of_header = version_code(&read(&header)).unwrap_or_default();
        let of_file = leading_number(&read(&release));
        leading_number(&self.release).max(of_file).max(of_header)
    }

    /// The files of a kernel tree with its number.
    pub(crate) fn number_files(&self) -> [PathBuf; 3] {
        [
            self.source.join("Makefile"),
            self.dir.join("include/config/kernel.release"),
            self.dir.join("include/generated/uapi/linux/version.h"),
        ]
    }
}

/// `VERSION`, `PATCHLEVEL` and `SUBLEVEL`, the first variables of the kernel's Makefile.
fn of_makefile(text: &str) -> Option<[u32; 3]> {
    let value = |name: &str| {
        let mut lines = text.lines().take(MAKEFILE_HEAD);
        let value =
            lines.find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='))?;
        value.trim().parse().ok()
    };
    Some([value("VERSION")?, value("PATCHLEVEL")?, value("SUBLEVEL")?])
}

/// Lines of the Makefile, as far as the number may be.
const MAKEFILE_HEAD: usize = 20;

/// The first three numbers at the beginning of a release; a missing one is 0.
fn leading_number(release: &str) -> [u32; 3] {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let end = release.find(|c| !is_part(c)).unwrap_or(release.len());
    let mut parts = release[..end]
        .split('.')
        .map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

/// The version in `version.h`.
fn version_code(header: &str) -> Option<[u32; 3]> {
    let line = header
        .lines()
        .find_map(|line| line.strip_prefix("#define LINUX_VERSION_CODE"))?;
    let code: u32 = line.trim().parse().ok()?;
    Some([code >> 16, code >> 8 & 255, code & 255])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn the_number_of_a_release_is_read_up_to_its_first_word() {
        assert_eq!(leading_number("6.12.117+deb12-amd64"), [6, 12, 117]);
        assert_eq!(leading_number("7.3-rc4"), [7, 3, 0]);
        assert_eq!(leading_number("6.1.0-57-amd64\n"), [6, 1, 0]);
        assert_eq!(leading_number("next"), [0, 0, 0]);
        assert_eq!(leading_number("99999999999.1"), [0, 1, 0]);
    }

    #[test]
    fn the_highest_number_of_a_tree_counts() {
        let root = Root::new();
        let dir = root.kernel("k", "5.10.262");
        root.write(
            "k/include/generated/utsrelease.h",
            "#define UTS_RELEASE \"5.10.0-46-amd64\"\n",
        );
        let header = "k/include/generated/uapi/linux/version.h";
        root.write(header, "#define LINUX_VERSION_CODE 330495\n");
        let kernel = Kernel::open(&dir).unwrap();
        assert_eq!(kernel.number(), [5, 10, 262]);
        root.write("k/include/config/kernel.release", "5.10.0-46-amd64\n");
        assert_eq!(kernel.number(), [5, 10, 255]);
        root.write(header, "garbage");
        assert_eq!(kernel.number(), [5, 10, 0]);
        root.write(
            "k/Makefile",
            "# SPDX\nVERSION = 5\nPATCHLEVEL = 10\nSUBLEVEL = 262\nEXTRAVERSION =\n",
        );
        assert_eq!(kernel.number(), [5, 10, 262]);
    }
}
