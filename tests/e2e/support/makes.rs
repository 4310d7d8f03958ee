//! A `make` in front of the real one that records when it is started. A build that takes its modules
//! from the cache starts none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::folder;

/// Writing with `>>` is atomic for so few bytes.
const RECORDING: &str = "#!/bin/sh\necho start >> 'LOG'\nexec REAL \"$@\"\n";

pub(crate) struct Makes {
    dir: TempDir,
}

impl Makes {
    pub(crate) fn new() -> Makes {
        let makes = Makes { dir: folder(&[]) };
        let path = std::env::var_os("PATH").unwrap();
        let real = std::env::split_paths(&path).map(|dir| dir.join("make"));
        let real = real.into_iter().find(|make| make.is_file()).unwrap();
        let script = RECORDING
            .replace("REAL", real.to_str().unwrap())
            .replace("LOG", makes.log().to_str().unwrap());
        let make = makes.dir.path().join("make");
        fs::write(&make, script).unwrap();
        fs::set_permissions(&make, fs::Permissions::from_mode(0o755)).unwrap();
        makes
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Puts this make in front of the others in the command's PATH.
    pub(crate) fn record<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let set = command.get_envs().find(|(name, _)| *name == "PATH");
        let path = set.and_then(|(_, value)| value.map(|it| it.to_owned()));
        let path = path.or_else(|| std::env::var_os("PATH")).unwrap();
        let own = [self.dir.path().to_owned()].into_iter();
        let path = std::env::join_paths(own.chain(std::env::split_paths(&path))).unwrap();
        command.env("PATH", path)
    }

    /// Whether any was started since the last question.
    pub(crate) fn started(&self) -> bool {
        let any = self.log().exists();
        let _ = fs::remove_file(self.log());
        any
    }
}
