//! Packages of modules: their files beside those of `make modules_install`, what the distribution's
//! own programs say about them, and installed into a root.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use kbuild_tests::lab::{self, LabKernel, packages};
use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{run, scope};
use tempfile::TempDir;

use crate::support::*;

mod closure;
mod debian;
mod guide;
mod signed;
mod stopped;

const RING: &str = r#"
#include <linux/module.h>
int ring_push(void);
int ring_push(void) { return 0; }
EXPORT_SYMBOL_GPL(ring_push);
MODULE_LICENSE("GPL");
MODULE_VERSION("1.4");
MODULE_DESCRIPTION("a ring at 100%");
"#;

const USER: &str = r#"
#include <linux/module.h>
int ring_push(void);
static int __init user_init(void) { return ring_push(); }
static void __exit user_exit(void) {}
module_init(user_init);
module_exit(user_exit);
MODULE_LICENSE("GPL");
MODULE_VERSION("1.4");
"#;

/// The folders that were built, with their files, by kernel and sources.
static BUILT: Mutex<BTreeMap<String, (String, Files)>> = Mutex::new(BTreeMap::new());

/// Bytes by their names.
type Files = BTreeMap<String, Vec<u8>>;

/// Two modules of one kernel, one of which needs the other, built by plain make.
struct Modules {
    kernel: LabKernel,
    scratch: TempDir,
}

impl Modules {
    fn of(kernel: &str) -> Modules {
        Modules::built(
            kernel,
            &[
                ("rings/Kbuild", "obj-m := ring.o user.o\n"),
                ("rings/ring.c", RING),
                ("rings/user.c", USER),
            ],
        )
    }

    /// Modules from the sources in the folder `rings`. Equal sources are built once.
    fn built(kernel: &str, sources: &[(&str, &str)]) -> Modules {
        let modules = Modules {
            kernel: lab::kernel(kernel).unwrap(),
            scratch: folder(&[]),
        };
        let own = modules.folder();
        let key = format!("{kernel} {sources:?}");
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((folder, made)) = built.get(&key) {
            fs::create_dir(&own).unwrap();
            for (name, bytes) in made {
                fs::write(own.join(name), bytes).unwrap();
            }
            // `make modules_install` takes the modules from the paths in it.
            let list = String::from_utf8_lossy(&made["modules.order"]);
            let list = list.replace(folder, own.to_str().unwrap());
            fs::write(own.join("modules.order"), list).unwrap();
        } else {
            write(modules.scratch.path(), sources);
            let mut make = modules.make();
            run::checked(make.arg("modules"), LIMIT).unwrap();
            built.insert(key, (own.to_str().unwrap().to_owned(), files(&own)));
        }
        drop(built);
        modules
    }

    fn make(&self) -> Command {
        let folder = self.folder();
        kbuild_tests::plain::make(&self.kernel, &folder, &folder, &folder)
    }

    fn folder(&self) -> PathBuf {
        self.scratch.path().join("rings")
    }

    fn out(&self) -> PathBuf {
        self.scratch.path().join("out")
    }

    /// `kbuild-rs package`, in the folder with the modules.
    fn package(&self, format: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .arg("package")
            .arg(self.folder())
            .args(["--format", format, "--out-dir"])
            .arg(self.out())
            .args(args)
            .current_dir(self.folder())
            .env_remove("SOURCE_DATE_EPOCH")
            .env_remove("DEBEMAIL");
        command
    }

    /// Packs, and gives the paths that the program prints.
    fn packed(&self, format: &str, args: &[&str]) -> Vec<PathBuf> {
        let output = built(&mut self.package(format, args));
        output.out().lines().map(PathBuf::from).collect()
    }
}

fn text(command: &mut Command) -> String {
    run::checked(command, LIMIT).unwrap().out()
}

fn files(folder: &Path) -> Files {
    let mut found = BTreeMap::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            pending.extend(entries.map(|entry| entry.unwrap().path()));
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

fn extracted(tar: &Path) -> Files {
    let folder = tempfile::tempdir().unwrap();
    let mut extract = Command::new("tar");
    extract.arg("-xzf").arg(tar).arg("-C").arg(folder.path());
    run::checked(&mut extract, LIMIT).unwrap();
    files(folder.path())
}

#[test]
fn the_modules_in_a_package_are_those_that_modules_install_installs() {
    // 6.12 is configured for xz; make's command line chooses the others.
    let modules = Modules::of("6.12");
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
    let modules = Modules::of("6.12");
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
    let modules = Modules::of("6.12");
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
    let modules = Modules::of("6.12");
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
    let modules = Modules::of("6.12");
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
    let modules = Modules::of("6.12");
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
    let modules = Modules::of("6.12");
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
