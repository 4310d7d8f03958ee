//! Packages of modules: their files beside those of `make modules_install`, what the distribution's
//! own programs say about them, and installed into a root.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::{self, packages};
use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{run, scope};

use crate::support::*;
use modules::{Modules, extracted, files, text};

mod closure;
mod debian;
mod guide;
mod lacking;
mod modules;
mod signed;
mod stopped;

#[test]
fn the_modules_in_a_package_are_those_that_modules_install_installs() {
    // The kernel's configuration chooses one; make's command line chooses the others.
    let modules = Modules::new();
    let kernel = modules.kernel.kdir.to_str().unwrap().to_owned();
    for (compress, variables, strip) in [
        ("kernel", &[][..], true),
        ("kernel", &["CONFIG_MODULE_COMPRESS_ALL="], false),
        (
            "zstd",
            &[
                "CONFIG_MODULE_COMPRESS_ZSTD=y",
                "CONFIG_MODULE_COMPRESS_XZ=",
            ],
            false,
        ),
        (
            "gzip",
            &[
                "CONFIG_MODULE_COMPRESS_GZIP=y",
                "CONFIG_MODULE_COMPRESS_XZ=",
                "CONFIG_MODULE_COMPRESS_ZSTD=",
            ],
            true,
        ),
    ] {
        let root = tempfile::tempdir().unwrap();
        let mut install = modules.make();
        install.arg("modules_install").args(variables);
        install.arg(format!("INSTALL_MOD_PATH={}", root.path().display()));
        let asked = match variables {
            ["CONFIG_MODULE_COMPRESS_ALL="] => "none",
            _ => compress,
        };
        let mut args = vec!["--kernel", &kernel, "--compress", asked];
        if strip {
            install.arg("INSTALL_MOD_STRIP=1");
            args.push("--strip");
        }
        run::checked(&mut install, LIMIT).unwrap();
        let mut kernels = files(root.path());
        kernels.retain(|name, _| name.contains(".ko"));

        let [tar] = &modules.packed("tar", &args)[..] else {
            panic!("one package was asked for");
        };
        let ours = extracted(tar);
        assert_eq!(
            ours.keys().collect::<Vec<_>>(),
            kernels.keys().collect::<Vec<_>>(),
            "{compress}"
        );
        assert!(ours == kernels, "{compress}, strip {strip}: other bytes");
    }
}

#[test]
fn a_kernel_without_compression_gets_plain_modules_stripped_as_its_make_does() {
    if let Some(why) = lab::why_not("6.1") {
        return println!("not run: {why}");
    }
    let modules = Modules::of("6.1");
    let root = tempfile::tempdir().unwrap();
    let mut install = modules.make();
    install.args(["modules_install", "INSTALL_MOD_STRIP=--strip-unneeded"]);
    install.arg(format!("INSTALL_MOD_PATH={}", root.path().display()));
    run::checked(&mut install, LIMIT).unwrap();
    let mut kernels = files(root.path());
    kernels.retain(|name, _| name.contains(".ko"));
    let kernel = modules.kernel.kdir.to_str().unwrap();
    let args = ["--kernel", kernel, "--strip=--strip-unneeded"];
    let [tar] = &modules.packed("tar", &args)[..] else {
        panic!("one package was asked for");
    };
    assert!(extracted(tar) == kernels);
}

#[test]
fn an_rpm_has_the_modules_unchanged_and_requires_its_kernel() {
    packages::install(&["rpm"]).unwrap();
    let modules = Modules::new();
    let release = &modules.kernel.release;
    let packages = modules.packed("rpm", &["--split", "--package-version", "2.0-3"]);
    let [ring, user] = &packages[..] else {
        panic!("{packages:?}");
    };
    let query =
        |rpm: &Path, what: &[&str]| text(Command::new("rpm").arg("-qp").args(what).arg(rpm));
    let about = query(ring, &["--qf", "%{NAME} %{VERSION} %{RELEASE} %{SUMMARY}"]);
    assert_eq!(
        about,
        format!("ring-modules-{release} 2.0 3 a ring at 100%")
    );
    let requires = query(user, &["--requires"]);
    let kernel = format!("kernel-uname-r = {release}\n");
    assert!(requires.contains(&kernel), "{requires}");
    let other = format!("ring-modules-{release} = 2.0-3\n");
    assert!(requires.contains(&other), "{requires}");
    let scripts = query(user, &["--scripts"]);
    assert!(
        scripts.contains(&format!("depmod {release}\n")),
        "{scripts}"
    );
    // rpmbuild has not stripped or compressed it.
    let digest = query(user, &["--qf", "[%{FILENAMES} %{FILEDIGESTS}\n]"]);
    let sum = text(Command::new("sha256sum").arg(modules.folder().join("user.ko")));
    let sum = sum.split(' ').next().unwrap();
    let line = format!("/lib/modules/{release}/updates/user.ko {sum}\n");
    assert!(digest.contains(&line), "{digest}");
}

#[test]
fn a_system_extension_has_no_scripts_and_names_its_architecture() {
    packages::install(&["squashfs-tools"]).unwrap();
    let modules = Modules::new();
    let release = &modules.kernel.release;
    let [raw] = &modules.packed("sysext", &["--name", "rings"])[..] else {
        panic!("one package was asked for");
    };
    let name = format!("rings-modules-{release}");
    assert_eq!(
        raw.file_name().unwrap().to_str().unwrap(),
        format!("{name}.raw")
    );
    let mut list = Command::new("unsquashfs");
    let listed = text(list.args(["-l", "-d", ""]).arg(raw));
    let paths: Vec<&str> = listed.lines().filter(|line| line.contains(".ko")).collect();
    let expected = [
        format!("/usr/lib/modules/{release}/updates/ring.ko"),
        format!("/usr/lib/modules/{release}/updates/user.ko"),
    ];
    assert_eq!(paths, expected);
    let mut cat = Command::new("unsquashfs");
    let file = format!("usr/lib/extension-release.d/extension-release.{name}");
    let about = text(cat.arg("-cat").arg(raw).arg(file));
    assert_eq!(about, "ID=_any\nARCHITECTURE=x86-64\n");
}

#[test]
fn equal_modules_give_equal_packages() {
    let modules = Modules::new();
    let formats = [
        ("deb", "dpkg"),
        ("rpm", "rpm"),
        ("tar", "tar"),
        ("sysext", "squashfs-tools"),
    ];
    for (place, (format, package)) in formats.into_iter().enumerate() {
        packages::install(&[package]).unwrap();
        for date in scope::one_of(place, &[None, Some("1700000000")]) {
            let pack = |umask: &str| {
                let call = modules.package(format, &["--quiet"]);
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
                shell.arg(call.get_program()).args(call.get_args());
                shell
                    .current_dir(modules.folder())
                    .env_remove("SOURCE_DATE_EPOCH");
                if let Some(date) = date {
                    shell.env("SOURCE_DATE_EPOCH", date);
                }
                let output = built(&mut shell);
                fs::read(output.out().trim()).unwrap()
            };
            let first = pack("022");
            // Dates in a package have whole seconds.
            std::thread::sleep(std::time::Duration::from_millis(1100));
            assert!(first == pack("077"), "{format} {date:?}");
        }
    }
}

#[test]
fn no_path_is_run_by_a_shell_or_read_as_a_macro() {
    let modules = Modules::new();
    let bait = modules.scratch.path().join("bait");
    let odd = "it's \"$(touch $BAIT) %{nil} a";
    let temporary = modules.scratch.path().join(odd);
    fs::create_dir(&temporary).unwrap();
    let formats = [
        ("deb", "dpkg"),
        ("rpm", "rpm"),
        ("tar", "tar"),
        ("sysext", "squashfs-tools"),
    ];
    for (format, package) in formats {
        packages::install(&[package]).unwrap();
        let mut command = Command::new(program());
        command
            .arg("package")
            .arg(modules.folder())
            .args(["--format", format, "--out-dir", "a:b $(touch $BAIT)"])
            .current_dir(modules.scratch.path())
            .env("BAIT", &bait)
            .env("TMPDIR", &temporary);
        let output = built(&mut command);
        assert!(modules.scratch.path().join(output.out().trim()).is_file());
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "{format}");
    }
    assert!(!bait.exists());
}

#[test]
fn a_dry_run_names_the_packages_and_changes_nothing() {
    let modules = Modules::new();
    let before = Snapshot::take(modules.scratch.path()).unwrap();
    for format in ["deb", "rpm", "tar", "sysext"] {
        let paths = modules.packed(format, &["--dry-run", "--split"]);
        assert_eq!(paths.len(), 2, "{paths:?}");
        assert!(paths.iter().all(|path| !path.exists()));
    }
    assert_untouched(&before, modules.scratch.path());
}

#[test]
fn a_package_that_cannot_be_written_leaves_nothing_and_says_why() {
    let modules = Modules::new();
    let empty = tempfile::tempdir().unwrap();
    for (format, program, package) in [
        ("deb", "dpkg-deb", "dpkg"),
        ("rpm", "rpmbuild", "rpm"),
        ("sysext", "mksquashfs", "squashfs-tools"),
    ] {
        let mut command = modules.package(format, &["--compress", "none"]);
        let said = refused(command.env("PATH", empty.path()), 1);
        let expected = format!("needs {program}, which is not installed. Install it:\n    ");
        assert!(said.contains(&expected) && said.contains(package), "{said}");
    }
    let mut command = modules.package("tar", &["--compress", "xz"]);
    let said = refused(command.env("PATH", empty.path()), 1);
    assert!(said.contains("ring.ko needs xz, which is not"), "{said}");
    assert!(!modules.out().exists() || fs::read_dir(modules.out()).unwrap().count() == 0);
    for (args, words) in [
        (
            &["--kernel", "1.2.3"][..],
            "none of these modules is for the kernel 1.2.3",
        ),
        (&["--name", "Up"], "--name Up"),
        (&["--package-version", "v1"], "--package-version v1"),
        (&["--description", "a\nb"], "give one line of text"),
        (&["--strip=-o x"], "name another output file"),
    ] {
        let said = refused(&mut modules.package("deb", args), 2);
        assert!(said.contains(words), "{said}");
    }
}
