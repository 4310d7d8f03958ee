//! Programs in `PATH`, found without starting one.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The folders of a `PATH`.
#[derive(Debug, Clone, Copy)]
pub(super) struct SearchPath<'a>(pub(super) &'a OsStr);

impl SearchPath<'_> {
    /// The program that a shell would run for `name`, which may be a path.
    pub(super) fn program(self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(|file| is_program(file));
        }
        self.all(name).next()
    }

    /// As [`program`](Self::program), but finds the real compiler behind compiler launchers with
    /// the compiler's name (`/usr/lib/ccache/gcc`).
    pub(super) fn behind_launchers(self, name: &str) -> Option<PathBuf> {
        let real = |file: PathBuf| fs::canonicalize(file).ok();
        if name.contains('/') {
            return self.program(name).and_then(real);
        }
        let mut files = self.all(name).filter_map(real).peekable();
        let first = files.peek().cloned();
        files
            .find(|file| {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                !["ccache", "sccache", "distcc", "icecc"].contains(&name.as_ref())
            })
            .or(first)
    }

    fn all(self, name: &str) -> impl Iterator<Item = PathBuf> {
        // The shell takes an empty entry for the current folder, and make runs in another folder
        // than this process.
        std::env::split_paths(self.0)
            .filter(|dir| dir.is_absolute())
            .map(move |dir| dir.join(name))
            .filter(|file| is_program(file))
    }

    /// The installed compilers among `gcc`, `gcc-12`, `clang`, `clang-19`, …: names and files. The
    /// compilers of the family `of` (`gcc`, `clang`) come first, and among them the nearest to
    /// version `major`.
    pub(super) fn compilers(self, of: &str, major: u32) -> Vec<(String, PathBuf)> {
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        for dir in std::env::split_paths(self.0).filter(|dir| dir.is_absolute()) {
            for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let version = ["gcc", "clang"]
                    .iter()
                    .find_map(|kind| name.strip_prefix(kind))
                    .map(|rest| rest.strip_prefix('-').unwrap_or(rest));
                let is_one = version.is_some_and(|v| v.bytes().all(|b| b.is_ascii_digit()));
                if is_one && is_program(&entry.path()) && found.iter().all(|(n, _)| *n != name) {
                    found.push((name, entry.path()));
                }
            }
        }
        found.sort_by_cached_key(|(name, _)| {
            let file = self.behind_launchers(name);
            let version = file.as_deref().and_then(version_in_name);
            let distance = version.map_or(u32::MAX, |version| version.abs_diff(major));
            // Of two equally near versions, the newer one knows more of the kernel's flags.
            (
                !name.starts_with(of),
                distance,
                Reverse(version),
                name.clone(),
            )
        });
        found
    }
}

/// `12` of `/usr/bin/x86_64-linux-gnu-gcc-12`.
pub(super) fn version_in_name(file: &Path) -> Option<u32> {
    let (_, version) = file.file_name()?.to_str()?.rsplit_once('-')?;
    version.split('.').next()?.parse().ok()
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
