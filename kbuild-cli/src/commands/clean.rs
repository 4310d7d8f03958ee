//! `kbuild-rs clean`: removes the outputs of builds, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::args::CleanArgs;
use crate::builds::out_dir::{OutDir, remove_if_bare};
use crate::ui::failure::{Failure, exit_code};
use crate::ui::options::UiOptions;
use crate::ui::progress::Progress;
use crate::ui::streams;
use crate::ui::style::Style;
use crate::ui::text::count;

pub(super) fn run(args: &CleanArgs, style: Style) -> ExitCode {
    let mut progress = Progress::new(UiOptions::new(style, args.quiet));
    match clean(args) {
        Ok(removed) => {
            let out_dir = OutDir::path(args.out_dir.as_deref());
            if args.verbose {
                for path in &removed {
                    streams::result(path.as_os_str().as_encoded_bytes());
                }
            }
            let what = match removed.len() {
                0 => "nothing to remove in".to_owned(),
                n => format!("removed {} from", count(n, "path")),
            };
            progress.chatter(&format!("{what} {}", out_dir.display()));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            progress.error(&failure.to_string());
            exit_code([&failure])
        }
    }
}

fn clean(args: &CleanArgs) -> Result<Vec<PathBuf>, Failure> {
    let out_dir = OutDir::path(args.out_dir.as_deref());
    let tree = args.dir.as_deref();
    let mut removed = Vec::new();
    for dir in candidates(out_dir) {
        let gone = kbuild::clean(&dir, tree)?;
        if dir != out_dir && !gone.is_empty() {
            remove_if_bare(&dir);
        }
        removed.extend(gone);
    }
    if args.out_dir.is_none() {
        remove_if_bare(out_dir);
    }
    Ok(removed)
}

/// The directories that a build may have written to: OUT itself, and OUT/RELEASE after a build for
/// several kernels. The library knows which of them hold something, because private files may be
/// outside the output directory.
fn candidates(out_dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(out_dir).into_iter().flatten().flatten();
    let mut below: Vec<_> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| entry.file_name() != ".kbuild")
        .map(|entry| entry.path())
        .collect();
    below.sort();
    below.insert(0, out_dir.to_owned());
    below
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn the_folder_of_each_kernel_is_looked_at() {
        let scratch = TempDir::new().unwrap();
        let out = scratch.path();
        for folder in ["6.1.0", "5.10.0", ".kbuild"] {
            fs::create_dir(out.join(folder)).unwrap();
        }
        fs::write(out.join("hello.ko"), "").unwrap();
        std::os::unix::fs::symlink("/", out.join("link")).unwrap();
        assert_eq!(
            candidates(out),
            [out.to_owned(), out.join("5.10.0"), out.join("6.1.0")]
        );
        assert_eq!(candidates(&out.join("missing")).len(), 1);
    }
}
