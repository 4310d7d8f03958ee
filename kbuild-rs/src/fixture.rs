//! Made-up machines for the tests, each in a temporary folder. The folder is removed when the test
//! ends, also when it fails.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary folder with a canonical path that kbuild can carry, whatever `TMPDIR` is.
pub(crate) struct Root(TempDir);

impl Root {
    pub(crate) fn new() -> Root {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        let usual = fs::canonicalize(std::env::temp_dir()).unwrap();
        let parent = match usual.to_str() {
            Some(text) if text.chars().all(is_plain) => usual,
            _ => fs::canonicalize("/tmp").unwrap(),
        };
        let mut builder = tempfile::Builder::new();
        Root(builder.prefix("kbuild-rs-").tempdir_in(parent).unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, file: &str) -> PathBuf {
        self.path().join(file)
    }

    pub(crate) fn create_dir(&self, dir: &str) -> PathBuf {
        let path = self.join(dir);
        fs::create_dir_all(&path).unwrap();
        path
    }

    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn program(&self, file: &str) -> PathBuf {
        self.executable(file, "#!/bin/false\n")
    }

    pub(crate) fn executable(&self, file: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.write(file, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub(crate) fn link(&self, target: impl AsRef<Path>, file: &str) {
        let path = self.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.join(file)).unwrap();
    }

    /// A prepared x86 kernel tree.
    pub(crate) fn kernel(&self, dir: &str, release: &str) -> PathBuf {
        self.kernel_with(dir, release, "x86", "CONFIG_64BIT=y\nCONFIG_MODULES=y\n")
    }

    pub(crate) fn kernel_with(&self, dir: &str, release: &str, arch: &str, conf: &str) -> PathBuf {
        let file = |name: &str| format!("{dir}/{name}");
        let header = format!("#\n# Linux/{arch} {release} Kernel Configuration\n#\n{conf}");
        self.write(&file("Makefile"), "VERSION = 6\nPATCHLEVEL = 1\n");
        self.write(&file("scripts/Makefile.build"), "");
        self.write(&file("include/config/auto.conf"), header);
        self.write(
            &file("include/config/kernel.release"),
            format!("{release}\n"),
        );
        self.write(&file("include/generated/autoconf.h"), "");
        self.program(&file("scripts/basic/fixdep"));
        self.program(&file("scripts/mod/modpost"));
        self.join(dir)
    }
}
