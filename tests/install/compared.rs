//! The table in docs/install.md: `make modules_install`, DKMS and kbuild-rs, each in a root of its own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab;
use kbuild_tests::run::{self, Output};

use crate::guest::executable;
use crate::world::{LIMIT, World, done, module_name, refused, unpacked};
use crate::{guide, modules};

const NAME: &str = "kt_base";
const OLD: &str = "of somebody else";
const MARKER: &[u8] = b"~Module signature appended~\n";

/// The rows of the table, and the test of each.
const ROWS: [(&str, &str); 10] = [
    (
        "signing fails",
        "a_signature_that_fails_is_an_error_of_kbuild_rs_only",
    ),
    ("an upgrade", "only_kbuild_rs_leaves_the_old_file_as_it_is"),
    (
        "another hard link to the old file",
        "only_kbuild_rs_leaves_the_old_file_as_it_is",
    ),
    (
        "a file of somebody else in the way",
        "only_kbuild_rs_keeps_and_restores_a_file_in_the_way",
    ),
    (
        "removal",
        "only_kbuild_rs_keeps_and_restores_a_file_in_the_way",
    ),
    (
        "`modules.dep`",
        "only_kbuild_rs_notices_an_index_without_its_module",
    ),
    (
        "the same module in another folder",
        "only_kbuild_rs_tells_depmod_which_file_is_meant",
    ),
    (
        "compression with xz",
        "dkms_compresses_with_a_checksum_that_kernels_do_not_know",
    ),
    (
        "a module in the initramfs",
        "only_kbuild_rs_looks_into_the_initramfs",
    ),
    (
        "two installs at once",
        "neither_modules_install_nor_dkms_has_a_lock",
    ),
];

/// A root, a built module, and the other programs.
struct Place {
    world: World,
}

impl Place {
    fn here() -> Option<Place> {
        let world = World::here()?;
        let place = Place { world };
        let source = place.path("source");
        fs::create_dir(&source).unwrap();
        modules::write(&source, &place.world.kernel, NAME, 2);
        fs::write(source.join("Kbuild"), format!("obj-m := {NAME}.o\n")).unwrap();
        let list = format!("{}/{NAME}.o\n", source.display());
        fs::write(source.join("modules.order"), list).unwrap();
        Some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.scratch().join(name)
    }

    fn updates(&self) -> PathBuf {
        self.world.modules().join("updates")
    }

    /// `make modules_install` of the built module.
    fn make(&self, variables: &[&str]) -> Output {
        let mut make = self.world.kernel.plain_make(&self.path("source"));
        let root = self.world.root.display();
        make.arg("modules_install")
            .arg(format!("INSTALL_MOD_PATH={root}"));
        done(make.args(variables))
    }

    /// A verb of DKMS for the built module, which it copies instead of compiling it.
    fn dkms(&self, verb: &str, flags: &[&str]) -> Output {
        let [script, tree, source, etc] =
            ["dkms", "dkms-tree", "dkms-source", "dkms-etc"].map(|name| self.path(name));
        if !script.exists() {
            // Some of its paths have no flag.
            let text = fs::read_to_string(lab::dkms().unwrap()).unwrap();
            let etc = format!("{}/", etc.display());
            let lib = format!("{}/lib/modules/$kernel_test", self.world.root.display());
            let text = text.replace("/etc/dkms/", &etc);
            executable(&script, &text.replace("/lib/modules/$kernel_test", &lib));
            self.fill_dkms(&source.join(format!("{NAME}-1")), &etc);
            fs::create_dir(&tree).unwrap();
        }
        let mut dkms = Command::new("bash");
        let path = std::env::var("PATH").unwrap();
        dkms.arg(&script)
            .args([
                verb,
                "-m",
                NAME,
                "-v",
                "1",
                "-k",
                &self.world.kernel.release,
            ])
            .arg("--kernelsourcedir")
            .arg(&self.world.kernel.kdir)
            .arg("--dkmstree")
            .arg(&tree)
            .arg("--sourcetree")
            .arg(&source)
            .arg("--installtree")
            .arg(self.world.root.join("lib/modules"))
            .args(flags)
            .env("PATH", format!("{}:{path}", self.world.bin().display()));
        run::run(&mut dkms, LIMIT).unwrap()
    }

    /// The sources for DKMS, and its configuration: a program for signing that fails.
    fn fill_dkms(&self, source: &Path, etc: &str) {
        fs::create_dir_all(source).unwrap();
        let conf = format!(
            "PACKAGE_NAME={NAME}\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME[0]={NAME}\nSTRIP[0]=no\n\
             DEST_MODULE_LOCATION[0]=/updates\nMAKE[0]='cp {}/{NAME}.ko .'\nCLEAN=true\n",
            self.path("source").display()
        );
        fs::write(source.join("dkms.conf"), conf).unwrap();
        // It wants another file beside that one.
        fs::write(source.join("Makefile"), "").unwrap();
        let conf = Path::new(etc).join("framework.conf.d");
        fs::create_dir_all(&conf).unwrap();
        for name in ["key", "certificate"] {
            fs::write(self.path(name), "").unwrap();
        }
        let text = format!(
            "sign_file=/bin/false\nmok_signing_key={}\nmok_certificate={}\n",
            self.path("key").display(),
            self.path("certificate").display()
        );
        fs::write(conf.join("test.conf"), text).unwrap();
    }

    fn install(&self, flags: &[&str]) -> Command {
        let mut command = self.world.program("install");
        command.arg(self.path("source")).args(flags);
        command
    }

    /// The installed file. On Debian, DKMS has a folder of its own, whatever its configuration says.
    fn installed(&self) -> PathBuf {
        let of_dkms = self.updates().join(format!("dkms/{NAME}.ko.xz"));
        match of_dkms.exists() {
            true => of_dkms,
            false => self.world.installed(NAME).expect("it is installed"),
        }
    }

    fn is_signed(&self) -> bool {
        unpacked(&self.installed()).ends_with(MARKER)
    }

    /// A file of somebody else at a place, with a second name.
    fn occupy(&self, name: &str) -> PathBuf {
        let _ = fs::remove_dir_all(self.updates());
        fs::create_dir_all(self.updates().join("dkms")).unwrap();
        fs::write(self.updates().join(name), OLD).unwrap();
        let other = self.path("second-name");
        let _ = fs::remove_file(&other);
        fs::hard_link(self.updates().join(name), &other).unwrap();
        other
    }
}

fn succeeds(output: &Output) {
    let said = [output.out(), output.err()].concat();
    assert!(output.status.success(), "{said}");
}

fn said(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

#[test]
fn every_row_of_the_comparison_has_a_test() {
    let page = guide::page();
    let (_, table) = page.split_once("| `make modules_install` | DKMS").unwrap();
    assert!(table.starts_with(&format!(" {} ", lab::DKMS)));
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let rows: Vec<&str> = rows
        .map(|row| row.split('|').nth(1).unwrap().trim())
        .collect();
    assert_eq!(rows, ROWS.map(|(row, _)| row));
    let tests = include_str!("compared.rs");
    for (row, test) in ROWS {
        assert!(tests.contains(&format!("fn {test}()")), "{row}: {test}");
    }
}

#[test]
fn a_signature_that_fails_is_an_error_of_kbuild_rs_only() {
    let Some(place) = Place::here() else {
        return;
    };
    let make = place.make(&["CONFIG_MODULE_SIG_ALL=y"]);
    assert!(make.err().contains("signing_key.pem"), "{}", make.err());
    assert!(!place.is_signed());
    fs::remove_file(place.installed()).unwrap();
    succeeds(&place.dkms("install", &["--no-depmod"]));
    assert!(!place.is_signed());
    fs::remove_file(place.installed()).unwrap();
    let key = place.path("key");
    fs::write(&key, "no key").unwrap();
    let key = key.to_str().unwrap();
    refused(&mut place.install(&["--key", key, "--cert", key]), 2);
    assert_eq!(place.world.installed(NAME), None);
}

#[test]
fn only_kbuild_rs_leaves_the_old_file_as_it_is() {
    let Some(place) = Place::here() else {
        return;
    };
    let file = format!("{NAME}.ko");
    let other = place.occupy(&file);
    let number = fs::metadata(&other).unwrap().ino();
    place.make(&["CONFIG_MODULE_COMPRESS_ALL="]);
    assert_eq!(fs::metadata(place.installed()).unwrap().ino(), number);
    assert_ne!(said(&other), OLD);
    // xz makes a new file.
    let other = place.occupy(&format!("{file}.xz"));
    place.make(&[]);
    assert_eq!(said(&other), OLD);

    let other = place.occupy(&format!("dkms/{file}.xz"));
    succeeds(&place.dkms("install", &["--no-depmod"]));
    assert_ne!(said(&other), OLD);

    let other = place.occupy(&format!("{file}.xz"));
    done(&mut place.install(&["--replace"]));
    assert_eq!(said(&other), OLD);
    let number = fs::metadata(place.installed()).unwrap().ino();
    fs::hard_link(place.installed(), place.path("third-name")).unwrap();
    modules::write(&place.path("source"), &place.world.kernel, NAME, 3);
    done(&mut place.install(&[]));
    assert_ne!(fs::metadata(place.installed()).unwrap().ino(), number);
    assert_ne!(said(&place.path("third-name")), said(&place.installed()));
}

#[test]
fn only_kbuild_rs_keeps_and_restores_a_file_in_the_way() {
    let Some(place) = Place::here() else {
        return;
    };
    let file = format!("{NAME}.ko.xz");
    place.occupy(&file);
    place.make(&[]);
    assert_ne!(said(&place.updates().join(&file)), OLD);
    let of_dkms = format!("dkms/{file}");
    place.occupy(&of_dkms);
    succeeds(&place.dkms("install", &["--no-depmod"]));
    succeeds(&place.dkms("uninstall", &["--no-depmod"]));
    assert!(!place.updates().join(of_dkms).exists());
    place.occupy(&file);
    refused(&mut place.install(&[]), 1);
    assert_eq!(said(&place.updates().join(&file)), OLD);
    done(&mut place.install(&["--replace"]));
    done(&mut place.world.uninstall(&[NAME]));
    assert_eq!(said(&place.updates().join(&file)), OLD);
}

#[test]
fn only_kbuild_rs_notices_an_index_without_its_module() {
    let Some(place) = Place::here() else {
        return;
    };
    let own = place.world.chosen(NAME);
    let make = place.make(&[]);
    assert!(make.err().contains("Skipping depmod"), "{}", make.err());
    assert_eq!(place.world.chosen(NAME), own);
    fs::remove_dir_all(place.updates()).unwrap();
    // A depmod that does nothing.
    executable(&place.world.bin().join("depmod"), "#!/bin/sh\n");
    succeeds(&place.dkms("install", &[]));
    assert_eq!(place.world.chosen(NAME), own);
    fs::remove_dir_all(place.updates()).unwrap();
    let told = refused(&mut place.install(&[]), 1);
    assert!(told.contains("would not load"), "{told}");
    assert_eq!(place.world.installed(NAME), None);
}

#[test]
fn only_kbuild_rs_tells_depmod_which_file_is_meant() {
    let Some(place) = Place::here() else {
        return;
    };
    let extra = place.world.modules().join("extra");
    fs::create_dir(&extra).unwrap();
    modules::write(&extra, &place.world.kernel, NAME, 1);
    let rules = place.world.root.join("etc/depmod.d");
    let count = || fs::read_dir(&rules).unwrap().count();
    let before = count();
    place.make(&[]);
    fs::remove_dir_all(place.updates()).unwrap();
    succeeds(&place.dkms("install", &["--no-depmod"]));
    assert_eq!(count(), before);
    fs::remove_dir_all(place.updates()).unwrap();
    done(&mut place.install(&[]));
    assert_eq!(count(), before + 1);
    let chosen = place.world.chosen(NAME).unwrap();
    assert!(chosen.starts_with("updates/"), "{chosen}");
    assert_eq!(module_name(&chosen), NAME);
}

#[test]
fn dkms_compresses_with_a_checksum_that_kernels_do_not_know() {
    let Some(place) = Place::here() else {
        return;
    };
    let checksum = || {
        let mut xz = Command::new("xz");
        let listed = done(xz.args(["--robot", "--list"]).arg(place.installed())).out();
        fs::remove_file(place.installed()).unwrap();
        let totals = listed.lines().find(|line| line.starts_with("totals"));
        totals.unwrap().split('\t').nth(6).unwrap().to_owned()
    };
    place.make(&[]);
    assert_eq!(checksum(), "CRC32");
    succeeds(&place.dkms("install", &["--no-depmod"]));
    assert_eq!(checksum(), "CRC64");
    done(&mut place.install(&[]));
    assert_eq!(checksum(), "CRC32");
}

#[test]
fn only_kbuild_rs_looks_into_the_initramfs() {
    let Some(place) = Place::here() else {
        return;
    };
    let release = &place.world.kernel.release;
    let folder = place.path("initramfs/lib/modules").join(release);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{NAME}.ko")), OLD).unwrap();
    let archive = place.world.root.join(format!("boot/initrd.img-{release}"));
    lab::packages::install(&["cpio"]).unwrap();
    let line = format!("find . | cpio -o -H newc > '{}'", archive.display());
    let mut shell = Command::new("sh");
    done(
        shell
            .args(["-ec", &line])
            .current_dir(place.path("initramfs")),
    );
    let make = place.make(&[]);
    fs::remove_dir_all(place.updates()).unwrap();
    let dkms = place.dkms("install", &["--no-depmod"]);
    succeeds(&dkms);
    fs::remove_dir_all(place.updates()).unwrap();
    for output in [make, dkms] {
        assert!(![output.out(), output.err()].concat().contains("init"));
    }
    let told = refused(&mut place.install(&["--initramfs"]), 2);
    assert!(told.contains("of the running system"), "{told}");
    assert_eq!(place.world.installed(NAME), None);
    let told = done(&mut place.install(&[])).err();
    assert!(told.contains("update-initramfs -u"), "{told}");
}

/// tests/install/at_once.rs shows that kbuild-rs has one.
#[test]
fn neither_modules_install_nor_dkms_has_a_lock() {
    let Some(world) = World::here() else {
        return;
    };
    let makefile = world.kernel.common.join("scripts/Makefile.modinst");
    for path in [makefile, lab::dkms().unwrap()] {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("install") && !text.contains("lock "),
            "{path:?}"
        );
        assert!(!text.contains("flock"), "{path:?}");
    }
}
