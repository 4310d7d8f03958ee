//! docs/install.md: its commands run and print what it shows, in a root that is thrown away.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::{lab, run};

use crate::guest::executable;
use crate::world::{LIMIT, World, done};

/// The release in the page, and another one of the same length.
const RELEASE: &str = "6.12.117+deb12-amd64";
const OTHER: &str = "6.12.118+deb12-amd64";
/// The working directory in the page.
const FOLDER: &str = "/home/me/hello/";

const HELLO: &str = r#"#include <linux/module.h>
static int __init hello_init(void) { return 0; }
static void __exit hello_exit(void) { }
module_init(hello_init);
module_exit(hello_exit);
MODULE_VERSION("1.0");
MODULE_DESCRIPTION("A test");
MODULE_LICENSE("GPL");
"#;

pub(crate) fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/install.md");
    fs::read_to_string(path).unwrap()
}

/// (title, the lines of its console blocks)
fn sections(page: &str) -> Vec<(&str, Vec<&str>)> {
    let sections = page.split("\n## ").skip(1).map(|section| {
        let (title, body) = section.split_once('\n').unwrap();
        let blocks = body.split("```console\n").skip(1);
        let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
        (title, lines.collect())
    });
    sections.collect()
}

/// Somebody who follows the page in `hello/`, on a system whose `/` is the root.
struct Reader {
    world: World,
}

impl Reader {
    fn start() -> Option<Reader> {
        let world = World::here()?;
        let reader = Reader { world };
        let hello = reader.path("");
        fs::create_dir(&hello).unwrap();
        fs::write(hello.join("hello.c"), HELLO).unwrap();
        fs::write(hello.join("Kbuild"), "obj-m := hello.o\n").unwrap();
        reader.add_kernel(&hello.join("image"), &reader.world.kernel.release);
        let program = kbuild_tests::program::path().unwrap().display();
        let root = reader.world.root.display();
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\nbuild*|*--root*) exec {program} \"$@\" ;;\nesac\n\
             verb=$1\nshift\nexec {program} \"$verb\" --root {root} \"$@\"\n"
        );
        executable(&reader.world.bin().join("kbuild-rs"), &script);
        // Looks for the module, and does not load it.
        let release = &reader.world.kernel.release;
        let script = format!("#!/bin/sh\nexec /sbin/modprobe -n -d {root} -S {release} \"$@\"\n");
        executable(&reader.world.bin().join("modprobe"), &script);
        Some(reader)
    }

    /// A path in the reader's working directory.
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.world.scratch().join("hello").join(name)
    }

    fn updates(&self, name: &str) -> std::path::PathBuf {
        self.world.modules().join("updates").join(name)
    }

    /// What a line of the page is here.
    fn here(&self, line: &str) -> String {
        let ours = &self.world.kernel.release;
        let line = line.replace(OTHER, &other(ours)).replace(RELEASE, ours);
        let pattern = |release: &str| release.replace('.', "[.]").replace('+', "[+]");
        line.replace(&pattern(RELEASE), &pattern(ours))
    }

    /// Follows the commands of a section.
    fn follow(&self, lines: &[&str]) {
        let mut said = String::new();
        for (i, line) in lines.iter().enumerate() {
            let Some(command) = line.strip_prefix("$ ") else {
                let wanted = self.here(line);
                let is_there = *line == "…" || said.lines().any(|line| line == wanted);
                assert!(is_there, "{wanted}\nis not in\n{said}");
                continue;
            };
            let fails = lines
                .get(i + 1)
                .is_some_and(|next| next.starts_with("error:"));
            said = self.run(&self.here(command), !fails);
        }
    }

    fn run(&self, command: &str, succeeds: bool) -> String {
        let root = self.world.root.to_str().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", &command.replace(" /etc/", &format!(" {root}/etc/"))])
            .current_dir(self.path(""))
            .env("PATH", format!("{}:{path}", self.world.bin().display()))
            .env("KDIR", &self.world.kernel.kdir);
        let output = run::run(&mut shell, LIMIT).unwrap();
        let said = [output.out(), output.err()].concat();
        assert_eq!(output.status.success(), succeeds, "{command}\n{said}");
        let folder = self.path("");
        let said = said.replace(folder.to_str().unwrap(), FOLDER);
        said.replace(&format!("chroot {root} "), "")
            .replace(root, "")
    }

    /// The state that a section tells about.
    fn prepare(&self, title: &str) {
        match title {
            "Install for several kernels" => {
                done(&mut self.world.uninstall(&["hello"]));
                self.add_kernel(&self.world.root, &other(&self.world.kernel.release));
                self.build_for_both();
            }
            "Install where another file is" => {
                fs::create_dir_all(self.updates("")).unwrap();
                fs::write(self.updates("hello.ko"), "of somebody else").unwrap();
            }
            "Build the initramfs again" => {
                fs::remove_file(self.updates("hello.ko")).unwrap();
                self.add_initramfs();
            }
            "Load a module at boot" => {
                let release = &self.world.kernel.release;
                let initramfs = format!("boot/initrd.img-{release}");
                fs::remove_file(self.world.root.join(initramfs)).unwrap();
            }
            "Know which of two modules wins" => {
                let extra = self.world.modules().join("extra");
                fs::create_dir(&extra).unwrap();
                fs::copy(self.path("kbuild-out/hello.ko"), extra.join("hello.ko")).unwrap();
            }
            _ => {}
        }
    }

    /// Puts a kernel without modules into a root.
    fn add_kernel(&self, root: &Path, release: &str) {
        let folder = root.join("lib/modules").join(release);
        fs::create_dir_all(&folder).unwrap();
        for name in ["modules.dep", "modules.order", "modules.builtin"] {
            fs::write(folder.join(name), "").unwrap();
        }
        let config = |root: &Path, release| root.join(format!("boot/config-{release}"));
        let to = config(root, release);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(config(&self.world.root, &self.world.kernel.release), to).unwrap();
    }

    /// Fills `out/` with the module for two kernels.
    fn build_for_both(&self) {
        let release = &self.world.kernel.release;
        let other = other(release);
        let mut bytes = fs::read(self.path("kbuild-out/hello.ko")).unwrap();
        for name in [release, &other] {
            fs::create_dir_all(self.path("out").join(name)).unwrap();
            let from = bytes.windows(release.len());
            let at = from
                .enumerate()
                .filter(|(_, part)| *part == release.as_bytes());
            let at: Vec<usize> = at.map(|(at, _)| at).collect();
            for at in at {
                bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
            }
            fs::write(self.path("out").join(name).join("hello.ko"), &bytes).unwrap();
        }
    }

    /// An initramfs with an earlier version of the module.
    fn add_initramfs(&self) {
        let release = &self.world.kernel.release;
        let folder = self.path("initramfs/lib/modules").join(release);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("hello.ko"), "old").unwrap();
        lab::packages::install(&["cpio"]).unwrap();
        let line = format!(
            "find . | cpio -o -H newc > '{}/boot/initrd.img-{release}'",
            self.world.root.display()
        );
        let mut shell = Command::new("sh");
        done(
            shell
                .args(["-ec", &line])
                .current_dir(self.path("initramfs")),
        );
    }
}

/// A release that is none of the lab's.
fn other(release: &str) -> String {
    let (number, rest) = release.split_at(release.find('+').unwrap());
    let (first, last) = number.split_at(number.len() - 1);
    let next = if last == "9" {
        '0'
    } else {
        char::from(last.as_bytes()[0] + 1)
    };
    format!("{first}{next}{rest}")
}

#[test]
fn every_command_in_the_guide_to_installing_does_what_it_shows() {
    let Some(reader) = Reader::start() else {
        return;
    };
    let page = page();
    let mut commands = 0;
    for (title, lines) in sections(&page) {
        reader.prepare(title);
        reader.follow(&lines);
        commands += lines.iter().filter(|line| line.starts_with("$ ")).count();
    }
    assert!(commands >= 20, "{commands}");
}
