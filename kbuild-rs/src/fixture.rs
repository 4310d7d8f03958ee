//! Made-up machines for the tests: a folder that goes away by itself.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where kernel trees and modules are made up: kbuild can carry its path, whatever `TMPDIR` is.
pub(crate) fn temp_dir() -> PathBuf {
    let dir = std::env::temp_dir();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match dir.to_str() {
        Some(text) if text.chars().all(is_plain) => dir,
        _ => "/tmp".into(),
    }
}

pub(crate) struct Root(PathBuf);

impl Root {
    pub(crate) fn new() -> Root {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kbuild-rs-test-{}-{count}", std::process::id());
        let dir = temp_dir().join(name);
        fs::create_dir_all(&dir).unwrap();
        Root(fs::canonicalize(dir).unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn program(&self, file: &str) -> PathBuf {
        let path = self.write(file, "#!/bin/false\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub(crate) fn link(&self, target: impl AsRef<Path>, file: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.0.join(file)).unwrap();
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

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
