//! Workspaces that Cargo builds like a user's own: the build scripts that ran, their output, the
//! products.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use kbuild_tests::lab::{self, LabKernel, packages};
use kbuild_tests::run::{self, Output};
use serde_json::Value;
use tempfile::TempDir;

use super::{LIMIT, copy, write};

/// The target of static programs, which run in a guest without a C library. Because the target is
/// named, build scripts do not get the flag for static linking.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A workspace, or a single package, with its own target folder.
pub(crate) struct Project {
    pub(crate) dir: PathBuf,
    pub(crate) target: PathBuf,
    _scratch: Vec<TempDir>,
}

/// The result of one run of Cargo.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Cargo's output.
    pub(crate) said: String,
    /// The packages whose build scripts ran.
    pub(crate) ran: BTreeSet<String>,
    /// The packages of which a part was compiled.
    pub(crate) compiled: BTreeSet<String>,
    out_dirs: BTreeMap<String, PathBuf>,
}

impl Project {
    /// Files in a scratch folder; `@KBUILD@` stands for the folder of the library.
    pub(crate) fn new(files: &[(&str, &str)]) -> Project {
        let scratch = tempfile::tempdir().unwrap();
        // Cargo's messages name packages by their folder.
        let dir = scratch.path().join("project");
        let library = root().join("kbuild-rs");
        for (path, text) in files {
            write(
                &dir,
                &[(path, &text.replace("@KBUILD@", library.to_str().unwrap()))],
            );
        }
        copy(&root().join("Cargo.lock"), &dir);
        let mut project = Project::at(&dir);
        project._scratch.push(scratch);
        project
    }

    /// A project in an existing folder, with a target folder elsewhere.
    pub(crate) fn at(dir: &Path) -> Project {
        let text = ["Cargo.toml", "Cargo.lock"]
            .map(|name| fs::read_to_string(dir.join(name)).unwrap_or_default())
            .concat();
        let has = |feature: &&str| text.contains(&format!("features = [\"{feature}\"]"));
        let feature = ["bindgen", "cache", "rust"].into_iter().find(has);
        Project::with_copy_of(dir, seed(feature.unwrap_or_default()))
    }

    /// A project whose target folder begins as a copy of another one.
    pub(crate) fn with_copy_of(dir: &Path, built: &Path) -> Project {
        let target = tempfile::tempdir().unwrap();
        copy(&built.join("."), target.path());
        Project {
            dir: dir.to_owned(),
            target: target.path().to_owned(),
            _scratch: vec![target],
        }
    }

    /// Moves the target folder to Cargo's default place, in the project.
    pub(crate) fn with_own_target_folder(mut self) -> Project {
        self.target = self.dir.join("target");
        copy(seed(""), &self.target);
        self
    }

    /// `cargo build` for the machine of the lab's kernels.
    pub(crate) fn cargo(&self) -> Command {
        self.cargo_to("build", TARGET)
    }

    /// `cargo build` for a kernel of the lab.
    pub(crate) fn cargo_for(&self, kernel: &LabKernel) -> Command {
        let mut cargo = self.cargo();
        set_kernel(&mut cargo, kernel);
        cargo
    }

    /// `cargo VERB --target TARGET`.
    pub(crate) fn cargo_to(&self, verb: &str, target: &str) -> Command {
        cargo(&self.dir, &self.target, verb, target)
    }

    /// Runs Cargo, which must succeed. The library may be another copy than the seed's.
    pub(crate) fn built_with_library(&self, cargo: &mut Command) -> Outcome {
        Outcome::of(&run::checked(cargo, LIMIT).unwrap())
    }

    /// Runs Cargo, which must succeed.
    pub(crate) fn built(&self, cargo: &mut Command) -> Outcome {
        let outcome = self.built_with_library(cargo);
        assert!(
            !outcome.compiled.contains("kbuild-rs"),
            "the library was compiled again:\n{}",
            outcome.said
        );
        outcome
    }

    /// Runs Cargo, which must fail because a build script failed. Returns the script's standard
    /// error, as Cargo shows it.
    pub(crate) fn fails(&self, cargo: &mut Command) -> String {
        let said = self.fails_saying(cargo);
        let shown = said.split_once("  --- stderr\n");
        shown.map_or(said.clone(), |(_, text)| text.to_owned())
    }

    /// Runs Cargo, which must fail; returns the output.
    pub(crate) fn fails_saying(&self, cargo: &mut Command) -> String {
        let output: Output = run::run(cargo, LIMIT).unwrap();
        let said = output.err();
        assert_eq!(output.status.code(), Some(101), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// The path of a built program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join(TARGET).join("debug").join(name)
    }
}

impl Outcome {
    pub(crate) fn of(output: &Output) -> Outcome {
        let said = output.err();
        let mut outcome = Outcome {
            ran: said.lines().filter_map(script_of).collect(),
            compiled: BTreeSet::new(),
            out_dirs: BTreeMap::new(),
            said,
        };
        let out = output.out();
        for message in out
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        {
            let name = || name_of(message["package_id"].as_str().unwrap_or_default());
            if message["reason"] == "build-script-executed" {
                let dir = message["out_dir"].as_str().unwrap_or_default();
                outcome.out_dirs.insert(name(), dir.into());
            } else if message["reason"] == "compiler-artifact" && message["fresh"] == false {
                outcome.compiled.insert(name());
            }
        }
        outcome
    }

    /// The folder of a package's products.
    pub(crate) fn out_dir(&self, package: &str) -> &Path {
        match self.out_dirs.get(package) {
            Some(dir) => dir,
            None => panic!("no build script of {package}\n{}", self.said),
        }
    }

    /// The directives of a package's build script.
    pub(crate) fn directives(&self, package: &str) -> String {
        fs::read_to_string(self.out_dir(package).with_file_name("output")).unwrap()
    }

    /// Whether make compiled, linked or ran modpost in the last run of the package's script.
    pub(crate) fn started_make(&self, package: &str) -> bool {
        let said = fs::read_to_string(self.out_dir(package).with_file_name("stderr")).unwrap();
        let steps = ["CC ", "LD ", "MODPOST "];
        said.lines()
            .any(|line| line.starts_with("  ") && steps.iter().any(|s| line.trim().starts_with(s)))
    }

    /// The packages whose build scripts ran, as a list.
    pub(crate) fn scripts(&self) -> Vec<&str> {
        self.ran.iter().map(String::as_str).collect()
    }
}

/// The package of a line such as ``Running `/target/debug/build/ring-1f/build-script-build` ``.
fn script_of(line: &str) -> Option<String> {
    let (path, _) = line.split_once("/build-script-build")?;
    if !line.trim_start().starts_with("Running `") || path.contains("--crate-name") {
        return None;
    }
    let folder = path.rsplit_once("/build/")?.1;
    Some(folder.rsplit_once('-')?.0.to_owned())
}

/// The name in a package id: `path+file:///a/ring#0.1.0`, or `…/a#ring@0.1.0`.
fn name_of(id: &str) -> String {
    let (path, version) = id.split_once('#').unwrap_or((id, ""));
    let folder = path.rsplit('/').next().unwrap_or_default();
    let name = version.split_once('@').map_or(folder, |(name, _)| name);
    name.to_owned()
}

/// Makes a build script build for this kernel.
pub(crate) fn set_kernel(cargo: &mut Command, kernel: &LabKernel) {
    cargo.env("KDIR", &kernel.kdir);
    if let Some(cc) = &kernel.cc {
        cargo.env("KBUILD_RS_CC", cc);
    }
    if let Some(rustc) = &kernel.rustc {
        cargo.env("KBUILD_RS_RUSTC", rustc);
    }
}

/// Replaces text in a file that contains it.
pub(crate) fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} has no {from}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// One kernel, with the machine's own compiler if possible.
pub(crate) fn any_kernel() -> LabKernel {
    let mut kernels = lab::kernels().unwrap();
    let own = kernels.iter().position(|kernel| kernel.cc.is_none());
    kernels.swap_remove(own.unwrap_or(0))
}

/// A package's manifest: its name, then lines of `[package]`, then whole tables.
pub(crate) fn manifest(name: &str, package: &str, tables: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{package}\n\
         [build-dependencies]\nkbuild-rs = {{ path = \"@KBUILD@\" }}\n{tables}\n"
    )
}

/// The folder of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A target folder in which the library with this feature (none: `""`) and its dependencies are
/// already compiled. Each project starts with a copy of it.
fn seed(feature: &str) -> &'static Path {
    static SEEDS: [OnceLock<PathBuf>; 4] = [const { OnceLock::new() }; 4];
    let (number, name) = match feature {
        "bindgen" => (1, "project-seed-bindgen"),
        "rust" => (2, "project-seed-rust"),
        "cache" => (3, "project-seed-cache"),
        _ => (0, "project-seed"),
    };
    SEEDS[number].get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let (dir, target) = (home.join("package"), home.join("target"));
        if feature == "bindgen" {
            packages::libclang().unwrap();
        }
        let features = match feature {
            "" => String::new(),
            _ => format!(", features = [{feature:?}]"),
        };
        let manifest = format!(
            "[package]\nname = \"seed\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
             [build-dependencies]\nkbuild-rs = {{ path = {:?}{features} }}\n\
             [dependencies]\nlibc = \"0.2\"\n",
            root().join("kbuild-rs")
        );
        write(
            &dir,
            &[
                ("Cargo.toml", &manifest),
                ("build.rs", "fn main() { kbuild::Build::new(); }\n"),
                ("src/main.rs", "fn main() {}\n"),
            ],
        );
        copy(&root().join("Cargo.lock"), &dir);
        run::checked(&mut cargo(&dir, &target, "build", TARGET), LIMIT).unwrap();
        target
    })
}

/// Cargo as from a plain shell, without variables of the Cargo that runs these tests, and without
/// those of kbuild-rs and make.
fn cargo(dir: &Path, target_dir: &Path, verb: &str, target: &str) -> Command {
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
        // Each project copies the target folder, which debug information would make ten times as
        // large.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(dir)
        // All crates in the lock file were fetched to compile these tests.
        .args([verb, "--offline", "-v", "--target", target])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target_dir);
    cargo
}
