//! The paths that `.cmd` files name: their normal form, the real ones, and the answers that are known
//! already.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::incbin::Operand;
use crate::sys::normal;

/// The earlier answers.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) named: Vec<Named>,
    /// The places in `named`.
    pub(super) places: HashMap<String, usize>,
    /// Whether a file of that name exists.
    is_file: HashMap<String, bool>,
    /// Folders of headers, and the real ones. A lookup of each header would look up all folders
    /// above it too.
    folders: HashMap<OsString, PathBuf>,
}

/// A name in a `.cmd` file.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) files: Vec<Rc<Path>>,
    /// The operands of the source's `.incbin` directives.
    pub(super) operands: Vec<Operand>,
}

impl Known {
    pub(super) fn is_file(&mut self, name: &str, cwd: &Path) -> bool {
        if let Some(&known) = self.is_file.get(name) {
            return known;
        }
        let is_file = cwd.join(name).is_file();
        self.is_file.insert(name.to_owned(), is_file);
        is_file
    }

    /// The path, and the real path if it differs.
    pub(super) fn with_real(&mut self, path: PathBuf) -> Vec<PathBuf> {
        let is_link = path
            .symlink_metadata()
            .map_or(true, |meta| meta.is_symlink());
        let real = match (is_link, path.parent(), path.file_name()) {
            (false, Some(folder), Some(name)) => self.folder(folder).join(name),
            _ => canonical(&path),
        };
        match real == path {
            true => vec![path],
            false => vec![path, real],
        }
    }

    fn folder(&mut self, folder: &Path) -> &Path {
        let name = folder.as_os_str();
        if !self.folders.contains_key(name) {
            self.folders.insert(name.to_owned(), canonical(folder));
        }
        &self.folders[name]
    }
}

/// The real path, or the path itself if the file does not exist any more.
pub(super) fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The path without `.` and `..`, and whether it goes through a link. The file system decides where
/// `..` leads behind a link.
pub(super) fn resolved(path: &Path) -> (PathBuf, bool) {
    if is_plain(path) {
        return (path.to_owned(), false);
    }
    if !path.components().any(|c| c == Component::ParentDir) {
        return (path.components().collect(), false);
    }
    let mut result = PathBuf::new();
    let mut over_link = false;
    for component in path.components() {
        if component != Component::ParentDir {
            result.push(component);
            continue;
        }
        if result.is_symlink() {
            match std::fs::canonicalize(&result) {
                Ok(real) => (result, over_link) = (real, true),
                Err(_) => return (normal(path), false),
            }
        }
        result.pop();
    }
    (result, over_link)
}

/// Whether an absolute path has no part `.` or `..` and no double slash.
fn is_plain(path: &Path) -> bool {
    let parts = path.as_os_str().as_bytes().split(|&b| b == b'/');
    let mut parts = parts.skip(1);
    parts.all(|part| !matches!(part, b"" | b"." | b".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn two_dots_behind_a_link_lead_where_the_file_system_says() {
        let root = Root::new();
        root.create_dir("v1/drv");
        root.create_dir("include/sub");
        root.link("../v1/drv", "include/drv");
        let of = |path: &str| {
            let (path, over_link) = resolved(&root.join(path));
            (
                path.strip_prefix(root.path()).unwrap().to_owned(),
                over_link,
            )
        };
        for (named, real, over_link) in [
            ("include/drv/../common/t.h", "v1/common/t.h", true),
            ("include/drv/../../include/./a.h", "include/a.h", true),
            ("include/drv/sub/../a.h", "include/drv/a.h", false),
            ("include/sub/../a.h", "include/a.h", false),
            ("include/./drv/a.h", "include/drv/a.h", false),
            ("gone/../a.h", "a.h", false),
        ] {
            assert_eq!(of(named), (PathBuf::from(real), over_link), "{named}");
        }
    }

    #[test]
    fn a_path_in_its_normal_form_is_told_from_others() {
        let is = |path: &str| is_plain(Path::new(path));
        assert!(is("/a/.b/..c/d.") && is("/a"));
        for other in ["/a//b", "/a/./b", "/a/../b", "/a/", "/a/.", "//a"] {
            assert!(!is(other), "{other}");
        }
    }

    #[test]
    fn a_file_behind_links_has_its_own_name_and_the_real_one() {
        let root = Root::new();
        let real = root.write("real/a.h", "");
        root.link("real", "linked");
        root.link("a.h", "real/b.h");
        let mut known = Known::default();
        let mut of = |path: &str| known.with_real(root.join(path));
        assert_eq!(of("real/a.h"), std::slice::from_ref(&real));
        for link in ["linked/a.h", "linked/b.h", "real/b.h"] {
            assert_eq!(of(link), [root.join(link), real.clone()]);
        }
        assert_eq!(of("linked/gone.h"), [root.join("linked/gone.h")]);
    }
}
