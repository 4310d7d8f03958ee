//! The wheel: its installation with pip, and Pythons in which a part of it is missing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, packages};
use kbuild_tests::run;

use crate::project::*;
use crate::support::*;

const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

/// The wheel that pip has built in `folder`.
fn wheel(folder: &Path) -> PathBuf {
    // pip works on a copy, because building a wheel may leave files behind.
    let source = folder.join("meson-module");
    copy(&root().join("meson-module"), &source);
    // The targets of links in the folder.
    for licence in LICENCES {
        copy(&root().join(licence), folder);
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "wheel", "--quiet", "--no-deps"])
        .args(["--no-build-isolation", "--disable-pip-version-check"])
        .arg("--wheel-dir")
        .arg(folder)
        .arg(&source)
        .env("PYTHONPATH", lab::wheel_backend().unwrap());
    run::checked(&mut pip, LIMIT).unwrap();
    let found = fs::read_dir(folder).unwrap().flatten();
    let mut found = found.map(|entry| entry.path());
    found
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
        .unwrap()
}

/// A Python environment with Meson and the wheel.
struct Environment {
    dir: PathBuf,
}

impl Environment {
    fn new(dir: &Path, meson: &str) -> Environment {
        let environment = Environment {
            dir: dir.join(format!("env-{meson}")),
        };
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--without-pip"])
            .arg(&environment.dir);
        run::checked(&mut venv, LIMIT).unwrap();
        let meson = lab::meson(meson).unwrap().join("mesonbuild");
        symlink(meson, environment.site().join("mesonbuild")).unwrap();
        environment
    }

    fn site(&self) -> PathBuf {
        let versions = fs::read_dir(self.dir.join("lib")).unwrap();
        let version = versions.flatten().next().unwrap();
        version.path().join("site-packages")
    }

    fn python(&self) -> Command {
        Command::new(self.dir.join("bin/python3"))
    }

    fn install(&self, wheel: &Path) {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "--python"])
            .arg(self.dir.join("bin/python3"))
            .args(["install", "--quiet", "--no-deps", "--no-index"])
            .arg("--disable-pip-version-check")
            .arg(wheel);
        run::checked(&mut pip, LIMIT).unwrap();
    }

    /// The output of a Meson, behind these arguments, for a project that asks for the kernel.
    fn asks(&self, meson: &[&str], with: With) -> (bool, String) {
        let project = Project::copy_of(
            with,
            &root().join("meson-module/tests/cases/kbuild/5 kernel"),
        );
        let mut command = self.python();
        command.args(meson);
        says(&project, command)
    }
}

/// Sets a project up with a Meson other than its own.
fn says(project: &Project, mut meson: Command) -> (bool, String) {
    let own = project.setup_command(&[]);
    // The arguments follow the script of the project's own Meson.
    meson.args(own.get_args().skip(1));
    for (name, value) in own.get_envs() {
        if let Some(value) = value {
            meson.env(name, value);
        }
    }
    let output = run::run(&mut meson, LIMIT).unwrap();
    (output.status.success(), output.out() + &output.err())
}

const START: &str = "import sys; from mesonbuild.mesonmain import main; sys.exit(main())";

#[test]
fn pip_puts_the_module_beside_a_meson_in_a_folder_or_in_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let wheel = wheel(dir.path());
    for with in CORNERS {
        let environment = Environment::new(dir.path(), with.meson);
        let script = dir.path().join("meson.py");
        fs::write(&script, START).unwrap();
        let script = script.to_str().unwrap();
        let (found, said) = environment.asks(&[script], with);
        assert!(
            !found && said.contains("Module \"kbuild\" does not exist"),
            "{said}"
        );

        environment.install(&wheel);
        let installed = files_below(&environment.site());
        for licence in LICENCES {
            let end = format!(".dist-info/licenses/{licence}");
            assert!(
                installed.iter().any(|file| file.ends_with(&end)),
                "{end}: {installed:?}"
            );
        }
        let (found, said) = environment.asks(&[script], with);
        assert!(found, "{said}");

        // A Meson in one file, in the form of its packagers.
        let packed = dir.path().join(format!("meson-{}.pyz", with.meson));
        fs::remove_file(environment.site().join("mesonbuild")).unwrap();
        let content = dir.path().join(format!("packed-{}", with.meson));
        fs::create_dir_all(&content).unwrap();
        copy(
            &lab::meson(with.meson).unwrap().join("mesonbuild"),
            &content,
        );
        fs::write(content.join("__main__.py"), START).unwrap();
        let mut zipapp = Command::new("python3");
        zipapp
            .args(["-m", "zipapp", "-o"])
            .arg(&packed)
            .arg(&content);
        run::checked(&mut zipapp, LIMIT).unwrap();
        let (found, said) = environment.asks(&[packed.to_str().unwrap()], with);
        assert!(found, "{said}");
    }
}

#[test]
fn pip_puts_the_module_beside_the_distributions_meson() {
    packages::install(&["meson"]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let wheel = wheel(dir.path());
    let user = dir.path().join("user");
    let mut pip = Command::new("/usr/bin/python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--user",
        "--no-deps",
        "--no-index",
    ])
    .args(["--break-system-packages", "--disable-pip-version-check"])
    .arg(&wheel)
    .env("PYTHONUSERBASE", &user);
    run::checked(&mut pip, LIMIT).unwrap();
    let case = root().join("meson-module/tests/cases/kbuild/5 kernel");
    let project = Project::copy_of(CORNERS[0], &case);
    let mut meson = Command::new("/usr/bin/meson");
    meson.env("PYTHONUSERBASE", &user);
    let (found, said) = says(&project, meson);
    assert!(found, "{said}");
}

#[test]
fn python_starts_silently_with_any_part_missing() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Environment::new(dir.path(), "newest");
    environment.install(&wheel(dir.path()));
    let silent = |arguments: &[&str]| {
        let mut python = environment.python();
        let output = run::checked(python.args(arguments).args(["-c", "pass"]), LIMIT).unwrap();
        assert_eq!(output.out() + &output.err(), "", "{arguments:?}");
    };
    // Without site, the finder is not loaded.
    silent(&["-S"]);
    silent(&["-I"]);
    let script = dir.path().join("meson.py");
    fs::write(&script, START).unwrap();
    let script = script.to_str().unwrap();
    let absent = |what: &str| {
        let (found, said) = environment.asks(&[script], CORNERS[1]);
        assert!(!found, "{what}: {said}");
        assert!(
            said.contains("Module \"kbuild\" does not exist"),
            "{what}: {said}"
        );
    };
    let site = environment.site();
    fs::remove_dir_all(site.join("kbuild_meson/kbuild")).unwrap();
    silent(&[]);
    absent("the module");
    fs::remove_dir_all(site.join("kbuild_meson")).unwrap();
    silent(&[]);
    absent("the package");
    fs::remove_file(site.join("mesonbuild")).unwrap();
    silent(&[]);
}

#[test]
fn wheel_wrapped_project_and_program_have_one_version() {
    let version = env!("CARGO_PKG_VERSION");
    for (file, line) in [
        (
            "meson-module/pyproject.toml",
            format!("version = \"{version}\""),
        ),
        ("meson.build", format!("version: '{version}'")),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(&line), "{file}: {text}");
    }
}
