//! The module files that a call names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::ui::failure::Failure;

/// The modules that an argument names: a file with any name, or all modules below a folder, sorted.
pub(super) fn below(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(Failure::wrong_call(format!(
            "{} does not exist: name a .ko file, or a folder with modules",
            path.display()
        ))),
        Ok(meta) if meta.is_dir() => match in_folder(path)? {
            modules if modules.is_empty() => Err(Failure::no_result(format!(
                "{} contains no module (.ko): build first, or name another folder",
                path.display()
            ))),
            modules => Ok(modules),
        },
        _ => Ok(vec![path.to_owned()]),
    }
}

/// Whether a file is named like a module, compressed ones included.
fn is_module(path: &Path) -> bool {
    let extension = |path: &Path| path.extension().and_then(|e| e.to_str()).map(str::to_owned);
    match extension(path).as_deref() {
        Some("ko") => true,
        Some("xz" | "zst" | "gz") => {
            let stem = path.file_stem().unwrap_or_default();
            extension(Path::new(stem)).as_deref() == Some("ko")
        }
        _ => false,
    }
}

/// All modules below a folder, sorted. Links to folders are not followed (they may lead back), and
/// private folders of builds are skipped.
pub(super) fn in_folder(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |dir: &Path, error: io::Error| Failure::file("read", dir, &error);
    let mut modules = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| failed(&folder, e))? {
            let entry = entry.map_err(|e| failed(&folder, e))?;
            let kind = entry.file_type().map_err(|e| failed(&folder, e))?;
            let path = entry.path();
            if kind.is_dir() {
                if entry.file_name() != ".kbuild" {
                    folders.push(path);
                }
            } else if is_module(&path) {
                modules.push(path);
            }
        }
    }
    modules.sort();
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn a_folder_gives_its_modules_without_the_builds_own_copies() {
        let scratch = TempDir::new().unwrap();
        let dir = scratch.path();
        for folder in ["b", "a/deep", ".kbuild/x/stage"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let files = ["b/b.ko", "a/deep/a.ko", ".kbuild/x/stage/b.ko", "b/b.o"];
        for file in files {
            fs::write(dir.join(file), "").unwrap();
        }
        assert_eq!(
            below(dir).unwrap(),
            [dir.join("a/deep/a.ko"), dir.join("b/b.ko")]
        );
    }
}
