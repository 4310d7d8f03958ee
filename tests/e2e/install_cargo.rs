//! `kbuild-rs install --cargo`: the modules that build scripts have built.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run;
use serde_json::Value;

use crate::scene::kernel_at;
use crate::support::project::{Project, TARGET, any_kernel, edit, manifest};
use crate::support::*;

const BUILD_RING: &str =
    "fn main() { kbuild::Build::new().file(\"module/ring.c\").compile(\"ring\"); }\n";
const BUILD_USER: &str =
    "fn main() { kbuild::Build::new().file(\"module/user.c\").compile(\"user\"); }\n";

/// A module that uses another crate's, that crate, and one without modules.
fn workspace() -> Project {
    let top = "[workspace]\nmembers = [\"ring\", \"user\", \"tool\"]\n\
        default-members = [\"user\"]\nresolver = \"3\"\n";
    let ring = manifest("ring", "links = \"ring\"", "");
    let user = manifest(
        "user",
        "",
        "[dependencies]\nring = { path = \"../ring\" }\n",
    );
    let tool = manifest("tool", "", "");
    Project::new(&[
        ("Cargo.toml", top),
        ("ring/Cargo.toml", &ring),
        ("ring/build.rs", BUILD_RING),
        ("ring/src/lib.rs", ""),
        ("ring/module/ring.c", RING),
        ("user/Cargo.toml", &user),
        ("user/build.rs", BUILD_USER),
        (
            "user/src/lib.rs",
            "pub static LIST: &str = env!(\"KBUILD_MODULES\");\n",
        ),
        ("user/module/user.c", USER),
        ("tool/Cargo.toml", &tool),
        ("tool/build.rs", "fn main() {}\n"),
        ("tool/src/lib.rs", ""),
    ])
}

/// `kbuild-rs install --cargo`, in the environment that these tests give Cargo.
fn install(project: &Project, cargo: &Command, image: &Path, package: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.env_clear().env("CARGO", env!("CARGO"));
    for (name, value) in cargo.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
        .args(["install", "--root"])
        .arg(image)
        .args(["--compress", "none", "--cargo"])
        .args(package)
        .args(["--", "--offline", "--target", TARGET, "--target-dir"])
        .arg(&project.target)
        .current_dir(&project.dir);
    command
}

fn installed(image: &Path, kernel: &LabKernel) -> BTreeSet<String> {
    let folder = image
        .join("lib/modules")
        .join(&kernel.release)
        .join("updates");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn the_modules_of_a_package_and_those_whose_symbols_they_use_are_installed() {
    let (project, kernel) = (workspace(), any_kernel());
    let mut cargo = project.cargo_for(&kernel);
    let outcome = project.built(&mut cargo);
    let list = outcome.out_dir("user").join("kbuild-modules.json");
    let rows: Vec<Value> = serde_json::from_slice(&fs::read(&list).unwrap()).unwrap();
    let module = list.with_file_name("user.ko");
    let wanted = [
        ("package", "user"),
        ("name", "user"),
        ("release", &kernel.release),
    ];
    for (key, value) in wanted {
        assert_eq!(rows[0][key], value, "{rows:?}");
    }
    assert_eq!(rows[0]["path"], module.to_str().unwrap());
    assert!(Path::new(rows[0]["symvers"].as_str().unwrap()).is_file());

    let image = tempfile::tempdir().unwrap();
    let install = |package: &[&str]| install(&project, &cargo, image.path(), package);
    built(&mut install(&["ring"]));
    assert_eq!(installed(image.path(), &kernel), names(["ring.ko"]));
    // The default members: `user`, which uses a symbol of `ring`.
    built(&mut install(&[]));
    let all = names(["ring.ko", "user.ko"]);
    assert_eq!(installed(image.path(), &kernel), all);
    let said = refused(&mut install(&["tool"]), 2);
    assert!(
        said.contains("the build script of tool has not built any module"),
        "{said}"
    );

    // The list of an earlier script stays in OUT_DIR, and does not count.
    fs::write(project.dir.join("user/build.rs"), "fn main() {}\n").unwrap();
    fs::write(project.dir.join("user/src/lib.rs"), "").unwrap();
    let said = refused(&mut install(&["user"]), 2);
    assert!(list.is_file());
    assert!(said.contains("kbuild-rs install --cargo ring"), "{said}");

    edit(
        &project.dir.join("ring/module/ring.c"),
        "return value",
        "return valeu",
    );
    let said = refused(&mut install(&["ring"]), 1);
    assert!(
        said.contains("valeu") && said.contains("nothing was installed"),
        "{said}"
    );
    let said = refused(&mut install(&["nobody"]), 1);
    assert!(said.contains("nobody"), "{said}");
}

#[test]
fn the_modules_of_several_kernels_are_installed_for_each() {
    let kernels = [kernel_at(0), kernel_at(1)];
    let manifest = manifest("scratch", "", "[workspace]");
    let project = Project::new(&[
        ("Cargo.toml", &manifest),
        (
            "build.rs",
            "fn main() { kbuild::Build::new().file(\"module/hello.c\").compile_each(\"hello\"); }\n",
        ),
        ("src/lib.rs", ""),
        ("module/hello.c", HELLO),
    ]);
    let mut cargo = project.cargo();
    let trees = kernels.each_ref().map(|kernel| &kernel.kdir);
    cargo.env("KDIR", std::env::join_paths(trees).unwrap());
    cargo.env("KBUILD_RS_CC", "gcc-12");
    let image = tempfile::tempdir().unwrap();
    let mut all = install(&project, &cargo, image.path(), &[]);
    run::checked(&mut all, LIMIT).unwrap();
    for kernel in &kernels {
        assert_eq!(installed(image.path(), kernel), names(["hello.ko"]));
    }
}
