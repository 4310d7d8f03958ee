//! A module, keys, and the commands that bring them together.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run;
use tempfile::TempDir;

use super::SECRET;
use crate::scene::{Scene, kernel_at};
use crate::support::*;

/// A module in a folder, with keys beside it.
pub(super) struct Desk {
    pub(super) kernel: LabKernel,
    pub(super) folder: TempDir,
    pub(super) tmp: TempDir,
}

/// The files of the keys, made once.
static KEYS: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();

/// The kernel whose `sign-file` runs on this machine, and a module that was built for it.
pub(super) fn built_once() -> &'static (LabKernel, Vec<u8>) {
    static MODULE: OnceLock<(LabKernel, Vec<u8>)> = OnceLock::new();
    MODULE.get_or_init(|| {
        let kernel = kernel_at(2);
        let files = [("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")];
        let scene = Scene::tree(&kernel, &files);
        scene.build();
        let module = fs::read(scene.out.path().join("hello.ko")).unwrap();
        (kernel, module)
    })
}

impl Desk {
    /// `hello.ko` and, each with its certificate (`.pem`, `.der`), the keys `mok` and `other`.
    pub(super) fn new() -> Desk {
        let (kernel, module) = built_once();
        let desk = Desk {
            kernel: kernel.clone(),
            folder: folder(&[]),
            tmp: folder(&[]),
        };
        fs::write(desk.path("hello.ko"), module).unwrap();
        let made = KEYS.get_or_init(|| desk.make_keys());
        for (file, bytes) in made {
            fs::write(desk.path(file), bytes).unwrap();
        }
        desk
    }

    /// Their files.
    fn make_keys(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        for name in ["mok", "other"] {
            self.openssl(&format!(
                "req -new -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN={name} -keyout \
                 {name}.key -out {name}.pem"
            ));
            self.openssl(&format!("x509 -in {name}.pem -outform DER -out {name}.der"));
            files.extend(["key", "pem", "der"].map(|end| format!("{name}.{end}")));
        }
        let read = |file: String| (file.clone(), self.read(&file));
        files.into_iter().map(read).collect()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(super) fn openssl(&self, line: &str) {
        let mut command = Command::new("openssl");
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env("KBUILD_SIGN_PIN", SECRET);
        run::checked(&mut command, LIMIT).unwrap();
    }

    /// `kbuild-rs sign`, for the module's kernel.
    pub(super) fn sign(&self, line: &str) -> Command {
        let mut command = self.sign_for(&self.kernel, line);
        command.env("TMPDIR", self.tmp.path());
        command
    }

    pub(super) fn sign_for(&self, kernel: &LabKernel, line: &str) -> Command {
        let mut command = Command::new(program());
        command
            .arg("sign")
            .args(line.split_whitespace())
            .arg("--kernel")
            .arg(&kernel.kdir)
            .current_dir(self.folder.path())
            .env_remove("KBUILD_SIGN_PIN");
        command
    }

    /// The module as the kernel's own program signs it.
    pub(super) fn by_sign_file(&self, hash: &str) -> Vec<u8> {
        let mut command = self
            .kernel
            .command(self.kernel.kdir.join("scripts/sign-file"));
        command
            .args([hash, "mok.key", "mok.pem", "hello.ko", "expected.ko"])
            .current_dir(self.folder.path());
        run::checked(&mut command, LIMIT).unwrap();
        self.read("expected.ko")
    }
}
