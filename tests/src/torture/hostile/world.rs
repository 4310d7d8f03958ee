//! The folders of an attempt: what a build wrote, what nobody may change, and the calls.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::plain::HELLO;
use crate::snapshot::Snapshot;
use crate::torture::files::{
    NOBODY, at, below, copy_kernel, give, make_folder, open_to_all, remove, write,
};
use crate::torture::{Ground, LIMIT, Setup};
use crate::{Result, plain, run};

/// ```text
/// base/w/out             an output directory
/// base/w/with blank/out  one whose private folder is in the cache folder
/// base/w/home            the user's home with the cache folder
/// base/w/pool            the folder of --pool-dir
/// base/w/tree            the module tree
/// base/w/cwd             where the program is called, and what `ide` and `package` write
/// base/w/victims         files that nobody may change
/// base/mould             out, home, … right after a build
/// ```
pub(super) struct Hostile {
    ground: Ground,
    base: PathBuf,
    /// The module, and the one after a change of its source.
    right: [Vec<u8>; 2],
    /// All paths below the folders of [`MOULD`], relative to `w`.
    pub(super) private: Vec<PathBuf>,
    pub(super) is_root: bool,
    _folder: TempDir,
}

/// The folders that a build writes to.
const MOULD: [&str; 4] = ["out", "with blank", "home", "pool"];

const CHANGED: &str = "hello again from";

/// The user who calls the program, and the owner of the world: root if it is not [`NOBODY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Users {
    pub(super) caller: u32,
    pub(super) owner: u32,
}

/// A call of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Build,
    Changed,
    DryRun,
    Clean,
    CleanTree,
    Ide,
    Package,
    Info,
}

impl Hostile {
    pub(super) fn new(setup: &Setup) -> Result<Hostile> {
        let folder = TempDir::with_prefix("torture-hostile-").map_err(|error| error.to_string())?;
        open_to_all(folder.path())?;
        let base = fs::canonicalize(folder.path()).map_err(at(folder.path()))?;
        let mut ground = Ground::usual(setup)?;
        let is_root = fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0);
        if is_root {
            // Other users cannot enter the folders of root.
            ground.kernel = copy_kernel(&ground.kernel, &base.join("kernel"))?;
            ground.copy_program(&base.join("kbuild-rs"))?;
        }
        let mut hostile = Hostile {
            ground,
            base,
            right: [Vec::new(), Vec::new()],
            private: Vec::new(),
            is_root,
            _folder: folder,
        };
        hostile.make_mould()?;
        Ok(hostile)
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.base.join("w").join(path)
    }

    pub(super) fn write_tree(&self, changed: bool) -> Result<()> {
        let text = match changed {
            true => HELLO.replace("hello from", CHANGED),
            false => HELLO.to_owned(),
        };
        write(&self.at("tree/hello.c"), text)?;
        write(&self.at("tree/sub/beside"), "beside\n")?;
        write(&self.at("tree/Kbuild"), "obj-m := hello.o\n")
    }

    fn make_mould(&mut self) -> Result<()> {
        make_folder(&self.at("cwd"))?;
        let caller = [0, NOBODY][usize::from(!self.is_root)];
        let users = Users { caller, owner: 0 };
        for (changed, out) in [(true, "changed"), (false, "out"), (false, "with blank/out")] {
            self.write_tree(changed)?;
            make_folder(&self.at(out))?;
            run::checked(&mut self.build(users, &self.at(out))?, LIMIT)?;
            let module = self.at(out).join("hello.ko");
            self.right[usize::from(changed)] = fs::read(&module).map_err(at(&module))?;
        }
        remove(&self.at("changed"))?;
        for folder in MOULD {
            let found = below(&self.at(folder))?.into_iter();
            let found = found.map(|path| Path::new(folder).join(path));
            // The user's own folders.
            let users = ["home/tmp", "home/cache", "with blank/out"].map(Path::new);
            self.private
                .extend(found.filter(|path| !users.contains(&path.as_path())));
            plain::copy(&self.at(folder), &self.mould(folder)?)?;
        }
        Ok(())
    }

    fn mould(&self, folder: &str) -> Result<PathBuf> {
        make_folder(&self.base.join("mould"))?;
        Ok(self.base.join("mould").join(folder))
    }

    /// The state after the mould was made, for an owner.
    pub(super) fn restore(&self, owner: u32) -> Result<()> {
        for folder in ["victims", "cwd", "tree", "fresh"].iter().chain(&MOULD) {
            remove(&self.at(folder))?;
        }
        for folder in MOULD {
            plain::copy(&self.mould(folder)?, &self.at(folder))?;
        }
        self.write_tree(false)?;
        make_folder(&self.at("cwd"))?;
        for name in ["file", "secret", "dir/a", "dir/sub/b", "hello.ko", "record"] {
            write(&self.at("victims").join(name), "precious\n")?;
        }
        let secret = self.at("victims/secret");
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).map_err(at(&secret))?;
        if owner == NOBODY && self.is_root {
            give(NOBODY, &self.base.join("w"))?;
        } else if self.is_root {
            give(0, &self.base.join("w"))?;
        }
        Ok(())
    }

    fn verb(&self, users: Users, verb: &str) -> Result<Command> {
        let mut command = self.ground.program(verb, &self.at("home"))?;
        if self.is_root && users.caller == NOBODY {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.current_dir(self.at("cwd"));
        Ok(command)
    }

    pub(super) fn build(&self, users: Users, out: &Path) -> Result<Command> {
        let mut command = self.tree(users, out)?;
        command.arg("--pool-dir").arg(self.at("pool"));
        Ok(command)
    }

    /// A build of the tree.
    pub(super) fn tree(&self, users: Users, out: &Path) -> Result<Command> {
        let mut command = self.ground.build(out, &self.at("home"))?;
        if self.is_root && users.caller == NOBODY {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.current_dir(self.at("cwd")).arg(self.at("tree"));
        Ok(command)
    }

    pub(super) fn command(&self, users: Users, what: Call, out: &Path) -> Result<Command> {
        let mut command = match what {
            Call::Build | Call::Changed => self.build(users, out)?,
            Call::DryRun => {
                let mut build = self.build(users, out)?;
                build.arg("--dry-run");
                build
            }
            Call::Ide => {
                let mut ide = self.verb(users, "ide")?;
                ide.arg("--kernel").arg(&self.ground.kernel.kdir);
                ide.args(self.ground.kernel.cc.iter().map(|cc| format!("--cc={cc}")));
                ide.arg("--out-dir").arg(out).arg(self.at("tree"));
                ide
            }
            Call::Clean | Call::CleanTree => {
                let mut clean = self.verb(users, "clean")?;
                clean.arg("--out-dir").arg(out);
                clean
            }
            Call::Package => {
                let mut package = self.verb(users, "package")?;
                package.args(["--format", "tar", "--unsigned", "--compress=none"]);
                package
                    .arg("--out-dir")
                    .arg(self.at("cwd/packages"))
                    .arg(out);
                package
            }
            Call::Info => {
                let mut info = self.verb(users, "info")?;
                info.arg(out);
                info
            }
        };
        if what == Call::CleanTree {
            command.arg(self.at("tree"));
        }
        Ok(command)
    }

    /// Everything that no call may change.
    pub(super) fn outside(&self) -> Result<[Snapshot; 3]> {
        Ok([
            Snapshot::take_with_content(self.at("victims"))?,
            Snapshot::take_with_content(self.at("tree"))?,
            Snapshot::take(self.base.join("mould"))?,
        ])
    }

    pub(super) fn unchanged(&self, before: &[Snapshot; 3]) -> Result<()> {
        let mut changes = Vec::new();
        for (before, after) in before.iter().zip(&self.outside()?) {
            changes.extend(before.differences(after));
        }
        // Somebody may remove our hard link to a file of another user.
        changes.retain(|line| !only_ctime(line));
        let known = ["victims", "cwd", "tree", "fresh"];
        for entry in fs::read_dir(self.at("")).map_err(at(&self.at("")))? {
            let name = entry.map_err(at(&self.at("")))?.file_name();
            if !known.iter().chain(&MOULD).any(|known| name == *known) {
                changes.push(format!("{name:?} is new"));
            }
        }
        match changes.is_empty() {
            true => Ok(()),
            false => Err(format!("it changed\n{}", changes.join("\n"))),
        }
    }

    /// The module of a build that succeeded.
    pub(super) fn is_right(&self, out: &Path, changed: bool) -> Result<()> {
        let module = out.join("hello.ko");
        let meta = fs::symlink_metadata(&module).map_err(at(&module))?;
        if !meta.is_file() {
            return Err(format!("{} is not a file", module.display()));
        }
        match fs::read(&module).map_err(at(&module))? == self.right[usize::from(changed)] {
            true => Ok(()),
            false => Err("it succeeded, and the module is not the right one".into()),
        }
    }
}

/// Whether a line of differences is about nothing but the time of a change of the inode.
fn only_ctime(line: &str) -> bool {
    let changes = line.split_once("\": ").map(|(_, changes)| changes);
    changes.is_some_and(|changes| changes.starts_with("ctime "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_about_more_than_the_time_of_the_inode_counts() {
        assert!(only_ctime("\"file\": ctime 1.0 -> 2.0"));
        assert!(!only_ctime("\"file\": mtime 1.0 -> 2.0, ctime 1.0 -> 2.0"));
        assert!(!only_ctime("\"ctime\": is gone (file)"));
    }
}
