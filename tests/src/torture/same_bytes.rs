//! Same bytes: the same sources at the same path give the same modules and packages, wherever, by
//! whomever and in whatever surroundings they are built.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::files::{
    NOBODY, at, below, copy_kernel, give, make_folder, open_to_all, remove, set_age, write,
};
use super::{Attempt, Ground, Kind, LIMIT, Prepared, Scene, Setup};
use crate::plain::HELLO;
use crate::{Result, lab, run};

/// The kind.
pub(super) const KIND: Kind = Kind {
    name: "same-bytes",
    about: "places, users, locales, times, umasks, jobs and versions of make",
    few: 4,
    many: 40,
    scene,
};

struct SameBytes {
    ground: Ground,
    base: PathBuf,
    make: PathBuf,
    is_root: bool,
    /// For each form of the module its first bytes, and those of each format of package.
    first: [Option<Vec<u8>>; FORMS],
    packages: [[Option<Vec<u8>>; FORMATS.len()]; FORMS],
    _folder: TempDir,
}

/// A module tree and a declared module.
const FORMS: usize = 2;

const FORMATS: [&str; 4] = ["tar", "deb", "rpm", "sysext"];

/// Files whose objects name them in all ways.
const FILES: [(&str, &str); 6] = [
    (
        "Kbuild",
        "obj-m := hello.o\nhello-y := main.o sub/low.o sub/deep/er.o\n",
    ),
    ("main.c", HELLO),
    (
        "sub/low.c",
        "#include <linux/module.h>\n#include \"here.h\"\nint low(void);\n\
        int low(void) { WARN_ON(1); return here()[0]; }\n",
    ),
    (
        "sub/here.h",
        "static inline const char *here(void) { return __FILE__; }\n",
    ),
    (
        "sub/deep/er.c",
        "#include <linux/kernel.h>\nint low(void);\nint deeper(void);\n\
        int deeper(void) { WARN_ON(low() == 3); return 0; }\n",
    ),
    ("README", "text\n"),
];

fn scene(setup: &Setup) -> Result<Prepared> {
    let folder = TempDir::with_prefix("torture-same-").map_err(|error| error.to_string())?;
    open_to_all(folder.path())?;
    let base = fs::canonicalize(folder.path()).map_err(at(folder.path()))?;
    let mut ground = Ground::usual(setup)?;
    let is_root = fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0);
    if is_root {
        // Other users cannot enter the folders of root.
        ground.kernel = copy_kernel(&ground.kernel, &base.join("kernel"))?;
        ground.copy_program(&base.join("kbuild-rs"))?;
    }
    Ok(Prepared::Ready(Box::new(SameBytes {
        ground,
        base,
        make: lab::program("make")?,
        is_root,
        first: [const { None }; FORMS],
        packages: [const { [const { None }; FORMATS.len()] }; FORMS],
        _folder: folder,
    })))
}

impl SameBytes {
    /// The sources, in another order and with other times at each attempt.
    fn write_sources(&self, attempt: &mut Attempt) -> Result<()> {
        let tree = self.base.join("tree");
        remove(&tree)?;
        let mut files = FILES.to_vec();
        while !files.is_empty() {
            let number = attempt.random.below(files.len() as u64) as usize;
            let (name, text) = files.remove(number);
            let path = tree.join(name);
            write(&path, text)?;
            match attempt.random.below(3) {
                0 => set_age(&path, attempt.random.below(1_500_000_000))?,
                1 => set_age(&path, 0)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The surroundings of a call: another user, home, place, locale, time zone, mask, make.
    fn surround(&self, attempt: &mut Attempt, command: &Command, user: u32) -> Result<Command> {
        let mask = *attempt.random.pick(&["022", "077", "027", "002", "000"]);
        let mut outer = Command::new("sh");
        outer.args(["-c", "umask \"$1\" && shift && exec \"$@\"", "sh", mask]);
        outer.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                outer.env(name, value);
            }
        }
        let random = &mut attempt.random;
        outer.env(
            "TZ",
            random.pick(&["UTC", "Asia/Kathmandu", "America/St_Johns", "XXX-14", ""]),
        );
        for name in ["LANG", "LC_ALL", "LC_COLLATE", "LANGUAGE"] {
            let value = *random.pick(&["C", "POSIX", "C.UTF-8", "de_DE.UTF-8", "tr_TR", "nowhere"]);
            match random.below(2) {
                0 => outer.env(name, value),
                _ => outer.env_remove(name),
            };
        }
        for name in [
            "DEBUG",
            "CFLAGS",
            "V",
            "KBUILD_OUTPUT",
            "ARCHIVE",
            "TERM",
            "COLUMNS",
            "MAKELEVEL",
            "USER",
        ] {
            if random.below(3) == 0 {
                outer.env(name, random.pick(&["1", "true", "x y", "dumb"]));
            }
        }
        if user == 0 && random.below(2) == 0 {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let own = self.make.parent().map(Path::to_owned).into_iter();
            let path = std::env::join_paths(own.chain(std::env::split_paths(&path)));
            outer.env("PATH", path.map_err(|error| error.to_string())?);
            attempt.say("with the other make");
        }
        let place = self.folder(attempt, user, "cwd")?;
        outer.current_dir(&place);
        if user != 0 && self.is_root {
            outer.uid(user).gid(user);
        }
        attempt.say(format!(
            "umask {mask}, user {user}, in {}: {outer:?}",
            place.display()
        ));
        Ok(outer)
    }

    /// A new folder of the user at some depth.
    fn folder(&self, attempt: &mut Attempt, user: u32, kind: &str) -> Result<PathBuf> {
        let top = self.base.join(kind);
        remove(&top)?;
        let mut folder = top.clone();
        // If kbuild cannot build in the output directory, it builds in the home folder.
        let names = match kind {
            "home" => ["a", "b", "longer-name-than-others", "0", "ü"],
            _ => ["a", "with blank", "longer-name-than-others", "0", "ü"],
        };
        for _ in 0..attempt.random.below(5) {
            folder.push(attempt.random.pick(&names));
        }
        make_folder(&folder)?;
        if self.is_root {
            give(user, &top)?;
        }
        Ok(folder)
    }

    fn build(
        &self,
        attempt: &mut Attempt,
        form: usize,
        out: &Path,
        home: &Path,
    ) -> Result<Command> {
        let mut command = self.ground.build(out, home)?;
        command.arg(format!("-j{}", 1 + attempt.random.below(8)));
        match attempt.random.below(4) {
            0 => drop(command.arg("-v")),
            1 => drop(command.arg("--quiet")),
            _ => {}
        }
        let tree = self.base.join("tree");
        if form == 0 {
            command.arg(tree);
            return Ok(command);
        }
        command
            .args(["--name", "hello", "--base"])
            .arg(&tree)
            .arg("--");
        command.args(["main.c", "sub/low.c", "sub/deep/er.c"].map(|name| tree.join(name)));
        Ok(command)
    }

    /// Packs the module of an output directory.
    fn package(&self, format: &str, module: &Path, to: &Path, home: &Path) -> Result<Command> {
        let mut package = self.ground.program("package", home)?;
        package
            .args(["--format", format, "--unsigned", "--compress=xz", "--strip"])
            .args(["--maintainer", "Some One <one@example.org>"])
            .args(["--package-version", "1.2", "--quiet", "--out-dir"])
            .arg(to)
            .arg(module)
            .env("SOURCE_DATE_EPOCH", "1700000000");
        Ok(package)
    }
}

/// Compares bytes with the first ones, which it keeps.
fn same(first: &mut Option<Vec<u8>>, bytes: Vec<u8>, attempt: &Attempt, what: &str) -> Result<()> {
    match first {
        None => *first = Some(bytes),
        Some(first) if *first != bytes => {
            write(&attempt.folder().join(format!("first-{what}")), first)?;
            write(&attempt.folder().join(what), bytes)?;
            return Err(format!("{what} differs from the one of an earlier attempt"));
        }
        Some(_) => {}
    }
    Ok(())
}

impl Scene for SameBytes {
    fn attempt(&mut self, attempt: &mut Attempt) -> Result<()> {
        let form = attempt.random.below(FORMS as u64) as usize;
        let user = match self.is_root && attempt.random.below(2) == 0 {
            true => NOBODY,
            false => 0,
        };
        self.write_sources(attempt)?;
        if self.is_root {
            give(*attempt.random.pick(&[0, user]), &self.base.join("tree"))?;
        }
        let out = self.folder(attempt, user, "out")?;
        let home = self.folder(attempt, user, "home")?;
        if self.first[form].is_none() {
            self.first[form] = Some(self.plain(form)?);
        }
        let build = self.build(attempt, form, &out, &home)?;
        give_if(self.is_root, user, &self.base.join("home"))?;
        run::checked(&mut self.surround(attempt, &build, user)?, LIMIT)?;
        let module = out.join("hello.ko");
        let bytes = fs::read(&module).map_err(at(&module))?;
        same(&mut self.first[form], bytes, attempt, "hello.ko")?;
        let number = attempt.random.below(FORMATS.len() as u64) as usize;
        let to = self.folder(attempt, user, "packages")?;
        let package = self.package(FORMATS[number], &module, &to, &home)?;
        give_if(self.is_root, user, &self.base.join("home"))?;
        run::checked(&mut self.surround(attempt, &package, user)?, LIMIT)?;
        let files = below(&to)?;
        let [file] = files.as_slice() else {
            return Err(format!("packages: {files:?}"));
        };
        let bytes = fs::read(to.join(file)).map_err(at(&to))?;
        let name = file.to_string_lossy();
        if self.packages[form][number].is_none() {
            self.packages[form][number] = Some(self.plain_package(form, number)?);
        }
        same(&mut self.packages[form][number], bytes, attempt, &name)
    }
}

/// Gives a folder to a user, if we may.
fn give_if(is_root: bool, user: u32, path: &Path) -> Result<()> {
    if is_root { give(user, path) } else { Ok(()) }
}

impl SameBytes {
    /// The module as it is built in usual surroundings.
    fn plain(&self, form: usize) -> Result<Vec<u8>> {
        let out = self.base.join(format!("plain{form}"));
        make_folder(&out)?;
        let home = self.base.join("plain-home");
        let mut build = self.ground.build(&out, &home)?;
        let tree = self.base.join("tree");
        match form {
            0 => drop(build.arg(&tree)),
            _ => {
                build
                    .args(["--name", "hello", "--base"])
                    .arg(&tree)
                    .arg("--");
                build.args(["main.c", "sub/low.c", "sub/deep/er.c"].map(|name| tree.join(name)));
            }
        }
        run::checked(&mut build, LIMIT)?;
        fs::read(out.join("hello.ko")).map_err(at(&out))
    }

    fn plain_package(&self, form: usize, number: usize) -> Result<Vec<u8>> {
        let to = self.base.join("plain-packages");
        remove(&to)?;
        let module = self.base.join(format!("plain{form}/hello.ko"));
        let home = self.base.join("plain-home");
        run::checked(
            &mut self.package(FORMATS[number], &module, &to, &home)?,
            LIMIT,
        )?;
        let files = below(&to)?;
        let file = files.first().ok_or("no package")?;
        fs::read(to.join(file)).map_err(at(&to))
    }
}
