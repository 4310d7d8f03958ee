//! `scripts/sign-file` of a kernel tree.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use super::key::Key;
use super::run::{Failed, Scratch, run};
use crate::sys::is_trusted;

/// Signs the module in `scratch`; gives the signed module. The error has the program's own words.
///
/// It only signs with keys in files: a build of it knows either the engine or the provider for
/// tokens, which need not be the one that is installed, and each wrong try may count.
pub(super) fn sign(
    program: &Path,
    scratch: &Scratch,
    key: &Key,
    (certificate, hash): (&OsStr, &str),
) -> Result<Vec<u8>, Failed> {
    let signed = scratch.path("signed");
    let mut command = Command::new(program);
    command
        .arg(hash)
        .arg(key.argument())
        .arg(certificate)
        .arg(scratch.path(super::MODULE))
        .arg(&signed);
    run(&mut command)?;
    let read = scratch.read(&signed);
    let read = read.map_err(|error| Failed::Exit(error.to_string()))?;
    read.ok_or_else(|| Failed::Exit(format!("{} wrote no file", program.display())))
}

/// Whether nobody else decides what the program does: root signs, too, and a kernel tree may be
/// another user's.
pub(super) fn is_trustworthy(program: &Path) -> bool {
    fs::metadata(program).is_ok_and(|meta| {
        let is_open = meta.mode() & 0o022 != 0;
        meta.is_file() && is_trusted(meta.uid()) && !is_open
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_program_that_others_can_change_is_not_run() {
        let root = Root::new();
        let program = root.program("sign-file");
        assert!(is_trustworthy(&program));
        for mode in [0o775, 0o757] {
            fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
            assert!(!is_trustworthy(&program), "{mode:o}");
        }
        assert!(!is_trustworthy(&root.join("none")));
        assert!(!is_trustworthy(root.path()));
    }
}
