//! Packages that Cargo builds, as a user's own would be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run::{self, Output};
use tempfile::TempDir;

use super::{LIMIT, copy, write};

/// Static programs run in a guest that has no C library; naming the target keeps the flag for
/// that away from build scripts.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A package in a scratch folder, with a target folder of its own.
pub(crate) struct Package {
    /// The package's folder.
    pub(crate) dir: PathBuf,
    target: TempDir,
    _scratch: Option<TempDir>,
}

/// What a build of a package left behind.
pub(crate) struct Built {
    /// All that Cargo said.
    pub(crate) said: String,
    /// Whether the package's build script ran.
    pub(crate) ran: bool,
    /// The build script's `OUT_DIR`.
    pub(crate) out_dir: PathBuf,
    /// What the build script told Cargo.
    pub(crate) directives: String,
}

impl Package {
    /// A package named `scratch` with these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Package {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("scratch");
        write(&dir, &[("Cargo.toml", &manifest("scratch"))]);
        copy(&workspace().join("Cargo.lock"), &dir);
        write(&dir, files);
        let mut package = Package::at(&dir);
        package._scratch = Some(scratch);
        package
    }

    /// A package that lies somewhere already; it is built elsewhere.
    pub(crate) fn at(dir: &Path) -> Package {
        let target = tempfile::tempdir().unwrap();
        copy(&seed().join("."), target.path());
        Package {
            dir: dir.to_owned(),
            target,
            _scratch: None,
        }
    }

    /// `cargo build`; more arguments and variables may follow.
    pub(crate) fn cargo(&self) -> Command {
        cargo_build(&self.dir, self.target.path())
    }

    /// `cargo build` for a kernel of the lab.
    pub(crate) fn cargo_for(&self, kernel: &LabKernel) -> Command {
        let mut cargo = self.cargo();
        cargo.env("KDIR", &kernel.kdir);
        if let Some(cc) = &kernel.cc {
            cargo.env("KBUILD_RS_CC", cc);
        }
        cargo
    }

    /// Runs a build that must succeed.
    pub(crate) fn built(&self, cargo: &mut Command) -> Built {
        let output = run::checked(cargo, LIMIT).unwrap();
        let name = self.dir.file_name().unwrap().to_str().unwrap();
        let out_dir = output
            .out()
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message["reason"] == "build-script-executed")
            .filter_map(|message| Some(PathBuf::from(message["out_dir"].as_str()?)))
            .find(|dir| belongs(&dir.to_string_lossy(), name))
            .unwrap_or_else(|| panic!("no build script of {name}\n{}", output.err()));
        let directives = fs::read(out_dir.with_file_name("output")).unwrap();
        let said = output.err();
        let ran = said
            .lines()
            .any(|l| l.contains("Running `") && l.contains("build-script") && belongs(l, name));
        Built {
            ran,
            out_dir,
            directives: String::from_utf8_lossy(&directives).into_owned(),
            said,
        }
    }

    /// Runs a build that must fail; gives what Cargo said.
    pub(crate) fn fails(&self, cargo: &mut Command) -> String {
        let output: Output = run::run(cargo, LIMIT).unwrap();
        let said = output.err();
        assert_eq!(output.status.code(), Some(101), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// The program that was built.
    pub(crate) fn program(&self) -> PathBuf {
        let name = self.dir.file_name().unwrap();
        self.target.path().join(TARGET).join("debug").join(name)
    }
}

/// Whether a path in the text is one of this package's own build folder.
fn belongs(text: &str, name: &str) -> bool {
    text.contains(&format!("/build/{name}-"))
}

/// A target folder in which the library and what it uses are compiled already: each package
/// starts with a copy of it.
fn seed() -> &'static Path {
    static SEED: OnceLock<PathBuf> = OnceLock::new();
    SEED.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cargo-seed");
        let (dir, target) = (home.join("package"), home.join("target"));
        let manifest = manifest("seed") + "[dependencies]\nlibc = \"0.2\"\n";
        write(
            &dir,
            &[
                ("Cargo.toml", &manifest),
                ("build.rs", "fn main() { kbuild::Build::new(); }\n"),
                ("src/main.rs", "fn main() {}\n"),
            ],
        );
        copy(&workspace().join("Cargo.lock"), &dir);
        run::checked(&mut cargo_build(&dir, &target), LIMIT).unwrap();
        target
    })
}

fn manifest(name: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
         [build-dependencies]\nkbuild-rs = {{ path = {:?} }}\n",
        workspace().join("kbuild-rs")
    )
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// `cargo build` as from a plain shell: nothing of the Cargo that runs these tests, nothing that
/// kbuild-rs or make would listen to.
fn cargo_build(dir: &Path, target: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.env_clear();
    for name in [
        "PATH",
        "HOME",
        "TMPDIR",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
        "RUSTUP_AUTO_INSTALL",
    ] {
        if let Some(value) = std::env::var_os(name) {
            cargo.env(name, value);
        }
    }
    cargo
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        // Each package starts with a copy of what these would make ten times as large.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(dir)
        // Everything in the lock file was fetched to compile these tests.
        .args(["build", "--offline", "-v", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target);
    cargo
}
