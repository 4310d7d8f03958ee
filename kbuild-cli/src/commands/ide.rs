//! `kbuild-rs ide`: builds, and puts links to the editor files where editors look for them.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::args::IdeArgs;
use crate::builds;
use crate::builds::out_dir::OutDir;
use crate::process::signals;
use crate::ui::failure::{Failure, exit_code};
use crate::ui::options::UiOptions;
use crate::ui::streams;
use crate::ui::style::Style;
use crate::ui::view::View;

/// The editor files in the output directory: for rust-analyzer, and for clangd.
const FILES: &[&str] = &["rust-project.json", "compile_commands.json"];

pub(super) fn run(args: &IdeArgs, style: Style) -> ExitCode {
    signals::relayed(|| build_and_link(args, style))
}

fn build_and_link(args: &IdeArgs, style: Style) -> ExitCode {
    let run = &args.build.run;
    let failures = builds::run(&args.build, style);
    let code = exit_code(&failures);
    // A tree that does not compile yet has a rust-project.json too.
    if run.dry_run || !failures.iter().all(Failure::is_of_sources) {
        return code;
    }
    let dir = OutDir::path(args.build.products.out_dir.as_deref());
    let into = args.into.as_deref().unwrap_or(Path::new("."));
    match link(dir, into) {
        Ok(links) => {
            for path in links {
                streams::result(path.as_os_str().as_encoded_bytes());
            }
            code
        }
        Err(failure) => {
            View::new(run.message_format, UiOptions::new(style, run.quiet)).failure(&failure);
            exit_code(&[failure])
        }
    }
}

/// Puts links to the files in `dir` into `into`. Each build updates these files.
fn link(dir: &Path, into: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut links = Vec::new();
    for name in FILES {
        let path = into.join(name);
        let failed = |error: io::Error| Failure::file("link", &path, &error);
        let Ok(file) = fs::canonicalize(dir.join(name)) else {
            continue;
        };
        match (fs::symlink_metadata(&path), fs::canonicalize(&path)) {
            (Ok(meta), Ok(there)) if there == file => {
                if meta.is_symlink() {
                    links.push(path);
                }
                continue;
            }
            // The link's target does not exist any more.
            (Ok(meta), Err(_)) if meta.is_symlink() => fs::remove_file(&path).map_err(failed)?,
            (Ok(_), _) => {
                return Err(Failure::wrong_call(format!(
                    "{} exists and was not created by kbuild-rs: remove it, or name another \
                     folder with --into",
                    path.display()
                )));
            }
            (Err(_), _) => {}
        }
        symlink(&file, &path).map_err(failed)?;
        links.push(path);
    }
    Ok(links)
}
