//! A finished build that can be restored repeatedly, with other users' files around it. A test
//! spoils the output directory and calls the program, and nothing else may change.

pub(crate) mod forged;
pub(crate) mod looks;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run;
use tempfile::TempDir;

use crate::scene::private_kernel;
use crate::support::*;
use forged::Words;
use looks::Looks;

/// A user without rights.
pub(crate) const NOBODY: u32 = 65534;
/// Another user without rights.
pub(crate) const SOMEBODY: u32 = 65533;

/// The words of the module in the two states of its source.
const STATES: [&str; 2] = ["good", "changed"];

/// Whether the tests run as root and can become another user.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// ```text
/// w/out        the output directory
/// w/source     the module tree; w/other its changed state, which takes its place
/// w/victims    files and folders that nobody may touch
/// w/named      where flags name files
/// w/home       the user's home
/// w/cwd        where the program is called
/// w/tmp        TMPDIR
/// mould/out    the finished output directory
/// ```
pub(crate) struct World {
    pub(crate) root: PathBuf,
    pub(crate) out: PathBuf,
    pub(crate) victims: PathBuf,
    mould: PathBuf,
    kernel: LabKernel,
    program: PathBuf,
    /// The owner of the world; `None` for the user who runs the tests.
    user: Option<u32>,
    /// The user who calls the program.
    pub(crate) caller: Option<u32>,
    /// The modules of both states.
    pub(crate) reference: [Vec<u8>; 2],
    /// The records' words about the mould's files.
    words: BTreeMap<PathBuf, Words>,
    /// The state of the sources and headers.
    tree: Option<Looks>,
    _scratch: TempDir,
    /// The program and the kernel tree, apart from the files that are compared at every step.
    _copies: Vec<TempDir>,
}

/// The folders that are created anew for every call.
const FRESH: [&str; 6] = ["out", "victims", "named", "home", "cwd", "tmp"];

impl World {
    /// Builds the mould, for the user with this number if there is one (which needs root).
    pub(crate) fn new(kernel: &LabKernel, user: Option<u32>) -> World {
        let scratch = tempfile::tempdir().unwrap();
        open_to_all(scratch.path());
        // The program and the lab's kernels may be in folders that other users cannot enter.
        let (mut own_program, mut own_kernel) = (program().to_owned(), kernel.clone());
        let mut copies = Vec::new();
        if user.is_some() {
            let bin = tempfile::tempdir().unwrap();
            own_program = bin.path().join("kbuild-rs");
            fs::copy(program(), &own_program).unwrap();
            let (tree, private) = private_kernel(kernel);
            own_kernel = private;
            copies.extend([bin, tree]);
            copies.iter().for_each(|dir| open_to_all(dir.path()));
        }
        let root = fs::canonicalize(scratch.path()).unwrap().join("w");
        let mut world = World {
            out: root.join("out"),
            victims: root.join("victims"),
            mould: root.with_file_name("mould"),
            root,
            kernel: own_kernel,
            program: own_program,
            user,
            caller: user,
            reference: [Vec::new(), Vec::new()],
            words: BTreeMap::new(),
            tree: None,
            _scratch: scratch,
            _copies: copies,
        };
        world.make_mould();
        world
    }

    fn make_mould(&mut self) {
        remove_any(&self.root);
        remove_any(&self.mould);
        for (folder, state) in [("source", STATES[0]), ("other", STATES[1])] {
            let text = format!("#include \"sub/greeting.h\"\n#include <blank.h>\n{HELLO}");
            let text = text.replace("hello from", &format!("{state} hello from"));
            let header = format!("static const char greeting[] __used = \"{state}\";\n");
            let files = [
                ("Kbuild", "obj-m := hello.o\n"),
                ("hello.c", &text),
                ("sub/greeting.h", &header),
                ("sub/other.c", "int other;\n"),
            ];
            write(&self.root.join(folder), &files);
        }
        let symvers = "0x12345678\tgiven_symbol\tgiven\tEXPORT_SYMBOL\t\n";
        let given = [("with blank/blank.h", "\n"), ("given.symvers", symvers)];
        write(&self.root, &given);
        fs::create_dir(&self.out).unwrap();
        self.make_surroundings();
        self.give(&self.root);
        self.set_changed(true);
        built(&mut self.build(&[]));
        self.reference[1] = modules(&self.out)["hello.ko"].clone();
        self.set_changed(false);
        built(&mut self.build(&[]));
        self.reference[0] = modules(&self.out)["hello.ko"].clone();
        assert_ne!(self.reference[0], self.reference[1]);
        fs::create_dir(&self.mould).unwrap();
        copy(&self.out, &self.mould);
        let words = |rel: PathBuf| (rel.clone(), Words::of(&self.out.join(rel)));
        self.words = files_below(&self.out).into_iter().map(words).collect();
        self.tree = Some(self.looks_of_tree());
    }

    /// Restores the state right after the mould was made.
    pub(crate) fn restore(&mut self) {
        if self.tree.as_ref() != Some(&self.looks_of_tree()) {
            // The last call damaged the mould.
            return self.make_mould();
        }
        for folder in FRESH {
            remove_any(&self.root.join(folder));
        }
        self.cast(&self.out);
        self.make_surroundings();
        for folder in &FRESH[1..] {
            self.give(&self.root.join(folder));
        }
    }

    /// Makes `to` the finished output directory. Records name files by inode and ctime, and copies
    /// of these files have others.
    pub(crate) fn cast(&self, to: &Path) {
        copy(&self.mould.join("out"), to);
        let new: BTreeMap<_, _> = self
            .words
            .keys()
            .map(|rel| (rel, Words::of(&to.join(rel))))
            .collect();
        let records = self.words.keys().filter(|rel| {
            let name = rel.file_name().unwrap();
            name == "record" || name == "manifest"
        });
        for rel in records {
            let path = to.join(rel);
            let old = fs::read(&path).unwrap();
            let text = forged::lines(&old, |line| {
                let of = self.words.iter().find(|(_, w)| forged::is_about(line, w));
                vec![of.map_or(line.to_owned(), |(rel, w)| {
                    forged::about(line, w, &new[rel])
                })]
            });
            if text != old {
                fs::write(&path, text).unwrap();
            }
        }
    }

    fn make_surroundings(&self) {
        write(
            &self.victims,
            &[
                ("file", "precious\n"),
                ("secret", "secret\n"),
                ("dir/a", "a\n"),
                ("dir/sub/b", "b\n"),
                ("hello.ko", "somebody's own module\n"),
            ],
        );
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.victims.join("secret"), private).unwrap();
        for folder in &FRESH[2..] {
            fs::create_dir(self.root.join(folder)).unwrap();
        }
    }

    /// Makes the folder in which builds remember kbuild's first phase, which is allowed to change.
    pub(crate) fn make_first_phases(&self) {
        fs::create_dir_all(self.first_phases()).unwrap();
        self.give(&self.root.join("home/.cache"));
    }

    fn first_phases(&self) -> PathBuf {
        self.root.join("home/.cache/kbuild-rs/shortcut")
    }

    /// Replaces the sources by the changed ones, or undoes that. The identities of the files stay.
    pub(crate) fn set_changed(&self, changed: bool) {
        let steps = match changed {
            true => [("source", "kept"), ("other", "source")],
            false => [("source", "other"), ("kept", "source")],
        };
        for (from, to) in steps {
            fs::rename(self.root.join(from), self.root.join(to)).unwrap();
        }
    }

    fn looks_of_tree(&self) -> Looks {
        let names = ["source", "other", "with blank", "given.symvers"];
        Looks::of_all(&names.map(|name| self.root.join(name)))
    }

    /// The folder of this world.
    pub(crate) fn scratch(&self) -> &Path {
        self.root.parent().unwrap()
    }

    /// The state of all files that must not change: everything but the output directory, temporary
    /// files, and what builds remember of the kernel.
    pub(crate) fn looks_outside(&self) -> Looks {
        let (tmp, first_phases) = (self.root.join("tmp"), self.first_phases());
        let except = [self.out.clone(), self.mould.clone(), tmp, first_phases];
        Looks::of(self.scratch(), &except)
    }

    /// The private folder of the module tree in the output directory.
    pub(crate) fn key(&self) -> PathBuf {
        let rel = self.words.keys().find(|rel| rel.ends_with("stage/hello.c"));
        self.out.join(rel.unwrap().ancestors().nth(2).unwrap())
    }

    /// The private folder of the module folder.
    pub(crate) fn folder(&self) -> PathBuf {
        let rel = self.words.keys().find(|rel| rel.ends_with("record"));
        self.out.join(rel.unwrap().parent().unwrap())
    }

    /// The files of a finished output directory, relative to it.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.words.keys().cloned().collect()
    }

    /// Gives a path and all below it to the user.
    pub(crate) fn give(&self, path: &Path) {
        if let Some(user) = self.user {
            give_to(user, path);
        }
    }

    /// Whether the caller is root.
    pub(crate) fn is_of_root(&self) -> bool {
        self.caller.is_none() && is_root()
    }

    /// The program, called by the user. The caller adds the arguments.
    pub(crate) fn call(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(user) = self.caller {
            command.uid(user).gid(user);
        }
        command
            .arg(verb)
            .current_dir(self.root.join("cwd"))
            .env("HOME", self.root.join("home"))
            .env("TMPDIR", self.root.join("tmp"))
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_RUNTIME_DIR");
        command
    }

    /// `kbuild-rs build` of the tree.
    pub(crate) fn build(&self, more: &[&str]) -> Command {
        self.build_with("build", &self.out, more)
    }

    /// As [`build`](Self::build), with another verb or another output directory.
    pub(crate) fn build_with(&self, verb: &str, out: &Path, more: &[&str]) -> Command {
        let mut command = self.call(verb);
        command
            .args(build(&self.kernel, out).get_args().skip(1))
            .arg(self.root.join("source"))
            .arg("-I")
            .arg(self.root.join("with blank"))
            .arg("--symvers")
            .arg(self.root.join("given.symvers"))
            .args(["--prepare", "true"])
            .args(more);
        command
    }
}

/// Gives a path and all below it to a user.
pub(crate) fn give_to(user: u32, path: &Path) {
    let mut chown = Command::new("chown");
    chown.args(["-hR", &format!("{user}:{user}")]).arg(path);
    run::checked(&mut chown, LIMIT).unwrap();
}

/// Opens a temporary folder for all, because only its owner may enter it.
fn open_to_all(dir: &Path) {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Removes a path of any kind.
pub(crate) fn remove_any(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

/// All paths below `dir` that are not folders, relative to it.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let rel = PathBuf::from(path.file_name().unwrap());
        match fs::symlink_metadata(&path).unwrap().is_dir() {
            true => files.extend(files_below(&path).into_iter().map(|below| rel.join(below))),
            false => files.push(rel),
        }
    }
    files
}
