//! A module tree, a kernel and tools of its own, all of which a test may change; and a make that can
//! be told to fail, so that a lookup in the cache costs no build.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::run::{self, Output};
use tempfile::TempDir;

use super::{Caches, is_cached};
use crate::scene::{Scene, kernel_at};
use crate::support::kernel_tree::link_headers;
use crate::support::repository::{commit, git};
use crate::support::*;

const SOURCE: &str = r#"
#include <linux/module.h>
#include <linux/list.h>
#include "own.h"
#include "linked.h"
#ifndef LEVEL
#define LEVEL 0
#endif
int ring_push(int value);
static int __init stand_init(void) { return ring_push(OWN + LINKED + LEVEL); }
module_init(stand_init);
MODULE_LICENSE("GPL");
MODULE_VERSION(DESCRIBED);
"#;

const KBUILD: &str = "obj-m := stand.o\n\
    ccflags-y := -I$(src)/inc -DDESCRIBED=\\\"$(shell cd $(src) && git describe --always)\\\"\n";

const FILES: &[(&str, &str)] = &[
    ("stand.c", SOURCE),
    ("Kbuild", KBUILD),
    ("own.h", "#define OWN 1\n"),
    ("inc/one.h", "#define LINKED 1\n"),
    ("inc/two.h", "#define LINKED 2\n"),
    ("helper.sh", "#!/bin/sh\n"),
];

/// The symvers of a module that the tree uses. It has one CRC.
const SYMVERS: &str = "0x12345678\tring_push\tring\tEXPORT_SYMBOL\t\n";

pub(super) struct Stand {
    pub(super) scene: Scene,
    pub(super) caches: Caches,
    /// Folders for tools, the kernel, and the file that stops make.
    pub(super) own: TempDir,
    /// The umask of builds, for a shell.
    pub(super) umask: String,
}

impl Stand {
    pub(super) fn new() -> Stand {
        let own = folder(&[("tools/readme", ""), ("given/ring.symvers", SYMVERS)]);
        let kernel = link_headers(&kernel_at(2), &own.path().join("kernel"));
        let caches = Caches::new();
        let mut scene = caches.tree(&kernel, FILES);
        symlink("inc/one.h", scene.path("linked.h")).unwrap();
        commit(scene.source.path(), "v1");
        let tools = own.path().join("tools");
        let stop = own.path().join("stop");
        let make = format!(
            "#!/bin/sh\nif [ -e {} ]; then case \"$*\" in *-f*|*-C*) echo stopped >&2; exit 2;; \
             esac; fi\nexec /usr/bin/make \"$@\"\n",
            stop.display()
        );
        script(&tools.join("make"), &make);
        let stand_cc = tools.join("own-cc");
        script(&stand_cc, &compiler(&kernel.compiler(), 0));
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        scene.env.insert("PATH".to_owned(), path);
        scene
            .args
            .extend(["--cc".to_owned(), stand_cc.display().to_string()]);
        let symvers = own.path().join("given/ring.symvers");
        scene
            .args
            .extend(["--symvers".to_owned(), symvers.display().to_string()]);
        Stand {
            scene,
            caches,
            own,
            umask: "022".to_owned(),
        }
    }

    /// The build, with the stand's umask.
    pub(super) fn command(&self, out: &Path, args: &[String]) -> Command {
        let inner = self.scene.command_to(out);
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("umask {}; exec \"$0\" \"$@\"", self.umask))
            .arg(inner.get_program())
            .args(inner.get_args())
            .args(args)
            .current_dir(inner.get_current_dir().unwrap());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    pub(super) fn build(&self, out: &Path, args: &[String]) -> Output {
        built(&mut self.command(out, args))
    }

    /// Whether the cache has this build. make fails at once, so nothing is built.
    pub(super) fn has(&self, out: &Path, args: &[String]) -> bool {
        let stop = self.own.path().join("stop");
        fs::write(&stop, "").unwrap();
        let output = run::run(&mut self.command(out, args), LIMIT).unwrap();
        fs::remove_file(stop).unwrap();
        let said = output.err();
        let cached = is_cached(&output);
        assert_eq!(output.status.success(), cached, "{said}");
        assert!(cached || said.contains("stopped"), "{said}");
        cached
    }

    pub(super) fn kernel_file(&self, name: &str) -> PathBuf {
        self.scene.kernel.kdir.join(name)
    }

    pub(super) fn git(&self, args: &[&str]) {
        git(self.scene.source.path(), args);
    }

    /// Gives the compiler another patch level.
    pub(super) fn set_compiler(&self, level: usize) {
        let program = kernel_at(2).compiler();
        script(
            &self.own.path().join("tools/own-cc"),
            &compiler(&program, level),
        );
    }
}

fn compiler(program: &str, level: usize) -> String {
    format!("#!/bin/sh\n# patch level {level}\nexec {program} \"$@\"\n")
}

fn script(at: &Path, text: &str) {
    let part = at.with_extension("part");
    fs::write(&part, text).unwrap();
    fs::set_permissions(&part, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(part, at).unwrap();
}

/// Replaces a file, which may be a link into the lab, and returns how to put it back.
pub(super) fn replaced(path: &Path, text: &[u8]) -> impl FnOnce() + use<> {
    let old = fs::read_link(path).map_or_else(|_| Err(fs::read(path)), Ok);
    let _ = fs::remove_file(path);
    fs::write(path, text).unwrap();
    let path = path.to_owned();
    move || {
        fs::remove_file(&path).unwrap();
        match old {
            Ok(target) => symlink(target, &path).unwrap(),
            Err(Ok(text)) => fs::write(&path, text).unwrap(),
            Err(Err(_)) => {}
        }
    }
}

/// Turns a folder that is a link into a real one with links to the same files.
pub(super) fn make_own(folder: &Path) {
    if !folder.is_symlink() {
        return;
    }
    let real = fs::canonicalize(folder).unwrap();
    fs::remove_file(folder).unwrap();
    fs::create_dir(folder).unwrap();
    for entry in fs::read_dir(real).unwrap() {
        let entry = entry.unwrap();
        symlink(entry.path(), folder.join(entry.file_name())).unwrap();
    }
}
