//! Whole installations into made-up roots, with small modules and the machine's depmod.

mod faults;
mod hostile;
mod images;
mod lock;
mod memory;
mod staged;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Install, InstallReport, Installation, Rollback, Uninstall};
use crate::fixture;
use crate::module::modinfo::tests::module;
use crate::{Error, Result};

const RELEASE: &str = "6.1.0-1+x";

/// A root with a kernel, and a folder with built modules.
struct World {
    scratch: fixture::Root,
}

impl World {
    /// `None` where depmod is not installed.
    fn new() -> Option<World> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
        folders.extend(["/sbin".into(), "/usr/sbin".into()]);
        if !folders.iter().any(|folder| folder.join("depmod").is_file()) {
            println!("not run: depmod is not installed");
            return None;
        }
        let world = World {
            scratch: fixture::Root::new(),
        };
        world.foreign("kernel/drivers/ring.ko", &module("ring", RELEASE, ""));
        world.foreign(
            "kernel/drivers/disk.ko",
            &module("disk", RELEASE, "depends=ring\0"),
        );
        world.foreign(
            "modules.order",
            b"kernel/drivers/ring.ko\nkernel/drivers/disk.ko\n",
        );
        world.foreign("modules.builtin", b"");
        world.foreign("modules.dep", b"");
        world.depmod();
        Some(world)
    }

    fn root(&self) -> PathBuf {
        self.scratch.join("root")
    }

    /// The path of a file in the folder of the release.
    fn file(&self, name: &str) -> PathBuf {
        self.root().join("lib/modules").join(RELEASE).join(name)
    }

    fn foreign(&self, name: &str, bytes: &[u8]) {
        let path = format!("root/lib/modules/{RELEASE}/{name}");
        self.scratch.write(&path, bytes);
    }

    /// What the root's own depmod does.
    fn depmod(&self) {
        let done = std::process::Command::new("depmod")
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .args(["-b".as_ref(), self.root().as_os_str(), RELEASE.as_ref()])
            .arg("-C")
            .arg(self.scratch.create_dir("root-without-configuration"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// Builds a module: its file name is `name.ko`, and `text` makes its content different.
    fn build(&self, name: &str, text: &str) -> PathBuf {
        let fields = format!("text={text}\0");
        let bytes = module(name, RELEASE, &fields);
        self.scratch.write(&format!("out/{name}.ko"), bytes);
        self.scratch.join("out")
    }

    fn install(&self) -> Result<InstallReport> {
        self.install_with(&|_| {})
    }

    fn install_with(&self, set: &dyn Fn(&mut Install)) -> Result<InstallReport> {
        let mut install = Install::new();
        install.input(self.scratch.join("out")).root(self.root());
        set(&mut install);
        install.run(&|_| {})
    }

    fn uninstall(&self, name: &str) -> Result<InstallReport> {
        let mut uninstall = Uninstall::new();
        uninstall.module(name).root(self.root()).run(&|_| {})
    }

    fn uninstall_all(&self) -> Result<InstallReport> {
        let mut uninstall = Uninstall::new();
        uninstall.all(true).root(self.root()).run(&|_| {})
    }

    fn rollback(&self) -> Result<InstallReport> {
        Rollback::new().root(self.root()).run(&|_| {})
    }

    /// Nothing is wrong with what is installed.
    fn check(&self) {
        let problems = Installation::of(self.root()).verify().unwrap();
        assert!(problems.is_empty(), "{problems:?}");
    }

    /// Every file of the root: its kind, mode, owner, number of names, and content.
    fn snapshot(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        add(&self.root(), &mut files);
        files
    }

    /// The same without the journal.
    fn system(&self) -> BTreeMap<PathBuf, String> {
        let mut files = self.snapshot();
        files.retain(|path, _| !path.starts_with(self.root().join("var")));
        files
    }
}

fn add(path: &Path, files: &mut BTreeMap<PathBuf, String>) {
    let meta = fs::symlink_metadata(path).unwrap();
    let content = if meta.is_symlink() {
        format!("-> {}", fs::read_link(path).unwrap().display())
    } else if meta.is_file() {
        let hash = crate::sys::tree::sha256(&fs::read(path).unwrap());
        format!("{hash} {}", meta.nlink())
    } else {
        String::new()
    };
    let (mode, uid) = (meta.permissions().mode(), meta.uid());
    files.insert(path.to_owned(), format!("{mode:o} {uid} {content}"));
    if meta.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            add(&entry.unwrap().path(), files);
        }
    }
}

fn said<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}
