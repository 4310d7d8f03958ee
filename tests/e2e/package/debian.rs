//! Debian packages, installed into a root and removed from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{LabKernel, packages};
use kbuild_tests::run;
use tempfile::TempDir;

use super::modules::{Modules, text};
use crate::support::*;

/// A root that has this kernel as far as depmod and dpkg look.
pub(super) fn root_with(kernel: &LabKernel) -> TempDir {
    // The scripts of the packages run this machine's depmod.
    packages::install(&["kmod"]).unwrap();
    let release = &kernel.release;
    let status: String = [format!("linux-image-{release}"), "kmod".to_owned()]
        .iter()
        .map(|name| {
            format!(
                "Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\
                 Maintainer: x <x@x>\nDescription: x\n\n"
            )
        })
        .collect();
    let root = folder(&[
        (&format!("lib/modules/{release}/modules.order"), ""),
        (&format!("lib/modules/{release}/modules.builtin"), ""),
        ("var/lib/dpkg/status", &status),
        ("var/lib/dpkg/available", ""),
        ("var/lib/dpkg/info/format", "1\n"),
    ]);
    fs::create_dir(root.path().join("var/lib/dpkg/updates")).unwrap();
    root
}

/// The lines of modules.dep.
pub(super) fn dependencies(root: &Path, kernel: &LabKernel) -> Vec<String> {
    let file = format!("lib/modules/{}/modules.dep", kernel.release);
    let text = fs::read_to_string(root.join(file)).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_debian_package_runs_depmod_and_depends_on_its_kernel() {
    let modules = Modules::new();
    let kernel = modules.kernel.kdir.to_str().unwrap();
    let release = &modules.kernel.release;
    let packages = modules.packed("deb", &["--kernel", kernel, "--split", "--strip"]);
    let [ring, user] = &packages[..] else {
        panic!("{packages:?}");
    };
    let name = |module: &str| format!("{module}-modules-{release}");
    assert_eq!(
        ring.file_name().unwrap().to_str().unwrap(),
        format!("{}_1.4_amd64.deb", name("ring"))
    );
    let field = |deb: &Path, field: &str| {
        text(Command::new("dpkg-deb").arg("-f").arg(deb).arg(field))
            .trim()
            .to_owned()
    };
    assert_eq!(field(ring, "Package"), name("ring"));
    assert_eq!(field(ring, "Description"), "a ring at 100%");
    let kernel = format!("linux-image-{release} |");
    assert!(field(ring, "Depends").starts_with(&kernel));
    assert!(!field(ring, "Depends").contains("-modules-"));
    let other = format!(", {} (= 1.4)", name("ring"));
    assert!(field(user, "Depends").ends_with(&other));

    let root = root_with(&modules.kernel);
    install_debs(root.path(), &packages);
    let [ring_file, user_file] =
        ["ring", "user"].map(|name| format!("updates/{}", modules.installed(name)));
    let expected = [format!("{ring_file}:"), format!("{user_file}: {ring_file}")];
    assert_eq!(dependencies(root.path(), &modules.kernel), expected);
    remove_deb(root.path(), user, &name("user"));
    assert_eq!(dependencies(root.path(), &modules.kernel), &expected[..1]);
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn dpkg(root: &Path) -> Command {
    let mut command = Command::new("dpkg");
    command.arg(format!("--root={}", root.display()));
    // The root has no shell that a script could run in.
    command.args(["--force-script-chrootless", "--force-architecture"]);
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// By dpkg; a user who is not root does the same by hand.
pub(super) fn install_debs(root: &Path, packages: &[PathBuf]) {
    if is_root() {
        let mut install = dpkg(root);
        run::checked(install.arg("-i").args(packages), LIMIT).unwrap();
        return;
    }
    for deb in packages {
        let mut extract = Command::new("dpkg-deb");
        run::checked(extract.arg("-x").arg(deb).arg(root), LIMIT).unwrap();
        run_script(root, deb, "postinst", "configure");
    }
}

pub(super) fn remove_deb(root: &Path, deb: &Path, name: &str) {
    if is_root() {
        run::checked(dpkg(root).args(["-r", name]), LIMIT).unwrap();
        return;
    }
    let listed = text(Command::new("dpkg-deb").arg("-c").arg(deb));
    let modules = listed.lines().filter(|line| line.contains(".ko"));
    for path in modules.filter_map(|line| line.split(' ').next_back()) {
        fs::remove_file(root.join(path)).unwrap();
    }
    run_script(root, deb, "postrm", "remove");
}

fn run_script(root: &Path, deb: &Path, script: &str, argument: &str) {
    let control = tempfile::tempdir().unwrap();
    let mut extract = Command::new("dpkg-deb");
    run::checked(extract.arg("-e").arg(deb).arg(control.path()), LIMIT).unwrap();
    let mut script = Command::new(control.path().join(script));
    script.arg(argument).env("DPKG_ROOT", root);
    script.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    run::checked(&mut script, LIMIT).unwrap();
}
