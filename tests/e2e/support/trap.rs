//! A program that a hostile name would run, and names that would run it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Names with a meaning for make, a shell or a compiler, and names without one. If one of them can
/// run a program, it runs the one of [`Trap`].
pub(crate) const NAMES: &[&[u8]] = &[
    b"with blanks in it",
    b"$(shell PWNED)",
    b"$(PWNED)${PWNED}",
    b"`PWNED`",
    b"a;PWNED;",
    b"a|PWNED",
    b"a&PWNED&",
    b"new\nPWNED\nline",
    b"hash#mark",
    b"per%cent",
    b"col:on",
    b"equals=sign",
    b"comma,(brace)",
    b"it's",
    b"say \"hello\"",
    b"back\\slash\\",
    b"-f-dash",
    b"*?[ab]{c,d}",
    b"<in>out!",
    b"\ttab",
    b"not \xff\xfe utf-8",
    "blåbær модуль".as_bytes(),
];

/// A folder with a home and with `bin/PWNED`, which leaves a mark when it is started.
pub(crate) struct Trap {
    dir: TempDir,
}

impl Trap {
    pub(crate) fn new() -> Trap {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("bin/PWNED");
        fs::create_dir_all(dir.path().join("bin")).unwrap();
        fs::create_dir_all(dir.path().join("home")).unwrap();
        let mark = dir.path().join("mark");
        fs::write(&program, format!("#!/bin/sh\n: > {}\n", mark.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Trap { dir }
    }

    /// The path of the home, which contains the user's cache folder.
    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The path of the program, for names that run a file by its path.
    pub(crate) fn program(&self) -> PathBuf {
        self.dir.path().join("bin/PWNED")
    }

    /// Puts the program first in `PATH`.
    pub(crate) fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let old = std::env::var_os("PATH").unwrap();
        let all = std::iter::once(self.dir.path().join("bin")).chain(std::env::split_paths(&old));
        command
            .env("PATH", std::env::join_paths(all).unwrap())
            .env("HOME", self.home())
            .env_remove("XDG_CACHE_HOME")
    }

    /// Fails if the program was started.
    pub(crate) fn assert_shut(&self, what: &dyn std::fmt::Debug) {
        assert!(!self.dir.path().join("mark").exists(), "{what:?} was run");
    }
}

/// `lead` and a hostile name in one word.
pub(crate) fn word(lead: &str, name: &[u8]) -> OsString {
    OsString::from_vec([lead.as_bytes(), name].concat())
}

/// A hostile name below `dir`.
pub(crate) fn below(dir: &Path, name: &[u8]) -> PathBuf {
    dir.join(OsStr::from_bytes(name))
}

/// Whether `bytes` contain `part`.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
