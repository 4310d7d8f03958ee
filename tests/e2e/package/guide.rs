//! docs/packaging.md: its commands run and print what it shows, and its CMake project makes a package.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::{lab, run};

use super::modules::{Modules, RING, text, usual};
use crate::guide;
use crate::support::project::root;
use crate::support::*;

const RELEASE: &str = "6.12.117+deb12-amd64";

/// The lines of the console blocks.
fn console_lines() -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/packaging.md")).unwrap();
    let blocks = page.split("```console\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    lines.map(str::to_owned).collect()
}

fn one_module() -> Modules {
    let files = [
        ("rings/Kbuild", "obj-m := ring.o\n"),
        ("rings/ring.c", RING),
    ];
    Modules::built(usual(), &files)
}

/// A command of the page: the program is in front of the system's.
fn shell(modules: &Modules, line: &str, folder: &Path) -> Command {
    let bin = modules.scratch.path().join("bin");
    if !bin.exists() {
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(program(), bin.join("kbuild-rs")).unwrap();
    }
    let path = std::env::var("PATH").unwrap();
    let mut shell = Command::new("sh");
    shell
        .args(["-ec", line])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", bin.display()))
        .env_remove("SOURCE_DATE_EPOCH");
    shell
}

#[test]
fn every_command_in_the_guide_to_packaging_does_what_it_shows() {
    let modules = one_module();
    let folder = modules.scratch.path().join("project");
    fs::create_dir_all(folder.join("kbuild-out")).unwrap();
    fs::copy(
        modules.folder().join("ring.ko"),
        folder.join("kbuild-out/ring.ko"),
    )
    .unwrap();
    let (mut said, mut commands) = (String::new(), 0);
    for line in console_lines() {
        let line = line.replace(RELEASE, &modules.kernel.release);
        let Some(command) = line.strip_prefix("$ ") else {
            assert!(
                said.lines().any(|one| one == line),
                "{line}\nis not in\n{said}"
            );
            continue;
        };
        let output = built(&mut shell(&modules, command, &folder));
        said = [output.out(), output.err()].concat();
        commands += 1;
    }
    assert!(commands >= 6, "{commands}");
}

#[test]
fn a_package_by_cpack_runs_depmod_and_depends_on_its_kernel() {
    let modules = one_module();
    let release = &modules.kernel.release;
    let sections = guide::sections("packaging.md");
    let section = sections.iter().find(|s| s.title == "Use CPack").unwrap();
    let folder = modules.scratch.path().join("project");
    fs::create_dir(&folder).unwrap();
    for (path, text) in &section.files {
        write(&folder, &[(path, text)]);
    }
    write(&folder, &[("ring.c", RING)]);
    let prefix = modules.scratch.path().join("prefix");
    let package = modules.scratch.path().join("package");
    let line = format!(
        "cmake -S {} -B {package} && cmake --install {package} --prefix {prefix}\n\
         cmake -B build -DCMAKE_PREFIX_PATH={prefix} -DKbuild_EXECUTABLE={} -DKDIR={}\n\
         cmake --build build\n\
         cpack --config build/CPackConfig.cmake",
        root().join("cmake-module").display(),
        program().display(),
        modules.kernel.kdir.display(),
        package = package.display(),
        prefix = prefix.display(),
    );
    let cmake = lab::cmake("3.25").unwrap();
    let mut cpack = shell(&modules, &line, &folder);
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", cmake.parent().unwrap().display());
    run::checked(cpack.env("PATH", path), LIMIT).unwrap();
    let name = format!("ring-modules-{release}");
    let deb = folder.join(format!("{name}_1.4_amd64.deb"));
    let depends = text(Command::new("dpkg-deb").arg("-f").arg(&deb).arg("Depends"));
    assert_eq!(depends.trim(), format!("linux-image-{release}, kmod"));
    let image = super::debian::root_with(&modules.kernel);
    fs::create_dir(image.path().join(format!("lib/modules/{release}/kernel"))).unwrap();
    super::debian::install_debs(image.path(), std::slice::from_ref(&deb));
    let lines = super::debian::dependencies(image.path(), &modules.kernel);
    // Compressed as the kernel is configured.
    assert_eq!(lines, [format!("updates/{}:", modules.installed("ring"))]);
    // The journal of the folder that CPack packs is not the machine's.
    let listed = text(Command::new("dpkg-deb").arg("-c").arg(&deb));
    assert!(!listed.contains("kbuild-rs"), "{listed}");
    super::debian::remove_deb(image.path(), &deb, &name);
    assert!(super::debian::dependencies(image.path(), &modules.kernel).is_empty());

    // The same module, packed without CPack.
    let line = "kbuild-rs package build --format deb --quiet -o packages";
    built(&mut shell(&modules, line, &folder));
    assert!(
        folder
            .join(format!("packages/{name}_1.4_amd64.deb"))
            .exists()
    );
}
