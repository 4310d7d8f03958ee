//! The tree that a package is made of, in a temporary folder.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::plan::{FOLDER, Package};
use crate::builds::left_parts;
use crate::ui::failure::Failure;

/// The end of the name of a package that is not finished.
const PART: &str = ".part";

/// The places for temporary files on every system.
const OTHERS: [&str; 2] = ["/var/tmp", "/tmp"];

/// The first of these folders whose path every packing program takes as it is. rpmbuild puts paths
/// into shell scripts, and expands macros in them.
fn folder_for(usual: &Path, others: &[&Path]) -> Option<PathBuf> {
    let is_plain = |path: &Path| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./+@~^-".contains(byte);
        path.as_os_str().as_encoded_bytes().iter().all(plain)
    };
    let usual = std::path::absolute(usual).ok();
    let others = others.iter().map(|path| path.to_path_buf());
    let mut others = others.filter(|path| path.is_dir() && is_plain(path));
    usual
        .filter(|path| is_plain(path))
        .or_else(|| others.next())
}

/// A temporary folder. It is removed in the end, also after a failure.
#[derive(Debug)]
pub(super) struct Staging(TempDir);

impl Staging {
    pub(super) fn new() -> Result<Staging, Failure> {
        let usual = std::env::temp_dir();
        let Some(above) = folder_for(&usual, &OTHERS.map(Path::new)) else {
            return Err(Failure::tool(format!(
                "the folder of temporary files {usual:?} has a name that rpmbuild would misread: set \
                 TMPDIR to a path with only letters, digits and _ . / + @ ~ ^ -"
            )));
        };
        let made = tempfile::Builder::new()
            .prefix("kbuild-rs-package-")
            // With any umask, other users must not put files into a package.
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&above);
        let made = made.map_err(|e| {
            let what = "create a folder of temporary files (TMPDIR) in";
            Failure::file(what, &above, &e)
        })?;
        Ok(Staging(made))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The root of the files in the package.
    pub(super) fn root(&self) -> PathBuf {
        self.path().join("root")
    }

    /// Puts the modules below `prefix/<release>` of the root.
    pub(super) fn add_modules(&self, package: &Package<'_>, prefix: &str) -> Result<(), Failure> {
        for (path, bytes) in modules(package, prefix) {
            self.add(&path, bytes, 0o644)?;
        }
        Ok(())
    }

    /// Puts a file into the root. The mode is the same with every umask.
    pub(super) fn add(&self, rel: &str, bytes: &[u8], mode: u32) -> Result<(), Failure> {
        let path = self.root().join(rel);
        let failed = |e: io::Error| Failure::file("write", &path, &e);
        let mut folder = self.path().to_owned();
        let parents = Path::new("root").join(rel);
        let parents = parents.parent().unwrap_or(Path::new("")).to_owned();
        for part in parents.components() {
            folder.push(part);
            match fs::create_dir(&folder) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(failed(e)),
                _ => {}
            }
            fs::set_permissions(&folder, Permissions::from_mode(0o755)).map_err(failed)?;
        }
        fs::write(&path, bytes).map_err(failed)?;
        fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed)
    }
}

/// The paths of the modules below the root, and their bytes.
pub(super) fn modules<'a>(package: &'a Package<'_>, prefix: &str) -> Vec<(String, &'a [u8])> {
    let folder = format!("{prefix}/{}", package.release);
    let own = package.modules.iter().map(|module| {
        let path = format!("{folder}/{FOLDER}/{}", module.file_name);
        (path, module.bytes.as_slice())
    });
    let in_tree = package.in_tree.iter().map(|module| {
        let path = format!("{folder}/{}", module.path.display());
        (path, module.bytes.as_slice())
    });
    own.chain(in_tree).collect()
}

/// Lets `write` make a file beside `path`, and renames it to `path` when it is finished.
pub(super) fn write_whole(
    path: &Path,
    write: &dyn Fn(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(|e| Failure::file("create", folder, &e))?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    left_parts::remove(folder, &name, PART);
    name.push(format!("{}{PART}", std::process::id()));
    // An absolute path is no option, and no file of another machine to tar.
    let part = std::path::absolute(path.with_file_name(name));
    let part = part.map_err(|e| Failure::file("write", path, &e))?;
    let written = write(&part)
        .and_then(|()| fs::rename(&part, path).map_err(|e| Failure::file("write", path, &e)));
    written.inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_owner_can_enter_the_folder_of_a_package() {
        let folder = Staging::new().unwrap();
        let mode = folder.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn the_path_of_the_temporary_folder_is_plain() {
        let plain = Path::new("/srv/tmp_1.2/+@~^-");
        assert_eq!(folder_for(plain, &[]).as_deref(), Some(plain));
        let others = [Path::new("/no such/folder"), Path::new("/")];
        for odd in [
            "/a b",
            "/it's",
            "/$(touch x)",
            "/%{nil}",
            "/a\nb",
            "/ü",
            "a;b",
        ] {
            let found = folder_for(Path::new(odd), &others);
            assert_eq!(found.as_deref(), Some(Path::new("/")), "{odd}");
            assert_eq!(folder_for(Path::new(odd), &others[..1]), None, "{odd}");
        }
    }
}
