//! The modules that are packed, and what is in a package.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::run;
use tempfile::TempDir;

use crate::support::*;

pub(super) const RING: &str = r#"
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
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Two modules of one kernel, one of which needs the other, built by plain make.
pub(super) struct Modules {
    pub(super) kernel: LabKernel,
    pub(super) scratch: TempDir,
}

/// The kernel of these tests: one whose configuration compresses modules, if the lab has it here.
pub(super) fn usual() -> &'static str {
    let names = lab::names();
    let wanted = names.iter().find(|name| **name == "6.12");
    wanted.or(names.last()).unwrap()
}

/// The ends of the names of compressed modules, and the words of the configuration.
const COMPRESSED: [(&str, &str); 3] = [("xz", "XZ"), ("zst", "ZSTD"), ("gz", "GZIP")];

impl Modules {
    /// For the usual kernel.
    pub(super) fn new() -> Modules {
        Modules::of(usual())
    }

    pub(super) fn of(kernel: &str) -> Modules {
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
    pub(super) fn built(kernel: &str, sources: &[(&str, &str)]) -> Modules {
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

    pub(super) fn make(&self) -> Command {
        let folder = self.folder();
        kbuild_tests::plain::make(&self.kernel, &folder, &folder, &folder)
    }

    /// The file of an installed module, compressed as the kernel is configured.
    pub(super) fn installed(&self, name: &str) -> String {
        let config = self.kernel.kdir.join("include/config/auto.conf");
        let config = fs::read_to_string(config).unwrap();
        let is_set = |(_, word): &&(&str, &str)| {
            config.contains(&format!("\nCONFIG_MODULE_COMPRESS_{word}=y\n"))
        };
        match COMPRESSED.iter().find(is_set) {
            Some((end, _)) => format!("{name}.ko.{end}"),
            None => format!("{name}.ko"),
        }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.scratch.path().join("rings")
    }

    pub(super) fn out(&self) -> PathBuf {
        self.scratch.path().join("out")
    }

    /// `kbuild-rs package`, in the folder with the modules.
    pub(super) fn package(&self, format: &str, args: &[&str]) -> Command {
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
    pub(super) fn packed(&self, format: &str, args: &[&str]) -> Vec<PathBuf> {
        let output = built(&mut self.package(format, args));
        output.out().lines().map(PathBuf::from).collect()
    }
}

pub(super) fn text(command: &mut Command) -> String {
    run::checked(command, LIMIT).unwrap().out()
}

pub(super) fn files(folder: &Path) -> Files {
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

pub(super) fn extracted(tar: &Path) -> Files {
    let folder = tempfile::tempdir().unwrap();
    let mut extract = Command::new("tar");
    extract.arg("-xzf").arg(tar).arg("-C").arg(folder.path());
    run::checked(&mut extract, LIMIT).unwrap();
    files(folder.path())
}
