//! The program under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::Result;
use crate::run::{self, Output};

/// `kbuild-rs`, built once for this test run.
///
/// # Errors
/// If it does not compile.
pub fn path() -> Result<&'static Path> {
    static PROGRAM: OnceLock<Result<PathBuf>> = OnceLock::new();
    let built = PROGRAM.get_or_init(|| {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--quiet", "--package", "kbuild-cli"])
            .current_dir(own.parent().unwrap_or(own));
        run::checked(&mut build, Duration::from_secs(600))?;
        // target/debug/deps/e2e-… -> target/debug/kbuild-rs
        let test = std::env::current_exe().map_err(|error| error.to_string())?;
        let folder = test.ancestors().nth(2).unwrap_or(&test);
        Ok(folder.join("kbuild-rs"))
    });
    built.as_deref().map_err(Clone::clone)
}

/// Whether a build started make, according to the program's output.
pub fn started_make(output: &Output) -> bool {
    let said = output.err();
    let is_step = |line: &str| line.starts_with("  ") && line.contains(".o");
    !said.contains(" up to date (") || said.lines().any(is_step)
}
