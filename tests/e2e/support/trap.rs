//! A program that a hostile name would run, and names that would run it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Names that mean something to make, to a shell, to compilers or to nobody at all. Where one of
/// them can run a program, it runs [`Trap`]'s.
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

/// A folder with `bin/PWNED`, which leaves a mark when anybody starts it, and a home.
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

    /// Where the home is, and the user's cache folder in it.
    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The program, for what runs a file and not a name.
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

    /// Fails if somebody started the program since.
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

/// Whether `bytes` hold `part`.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
