//! Only the output directory is written to, for any user and any obstacle.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run;
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::scene::private_kernel;
use crate::support::*;

/// The modules, in the form of [`modules`].
type Modules = BTreeMap<String, Vec<u8>>;

const NOBODY: u32 = 65534;

/// A folder without write permission, which gets it back for the removal.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn new(dir: &Path) -> ReadOnly {
        chmod("a-w,a+rX", dir);
        ReadOnly(dir.to_owned())
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        chmod("u+w", &self.0);
    }
}

fn chmod(mode: &str, dir: &Path) {
    let mut chmod = Command::new("chmod");
    chmod.arg("-R").arg(mode).arg(dir);
    run::checked(&mut chmod, LIMIT).unwrap();
}

fn differences_since(before: &Snapshot, dir: &Path) -> Vec<String> {
    before.differences(&Snapshot::take_with_content(dir).unwrap())
}

const NOTHING: Vec<String> = Vec::new();

/// A tree with one folder for the module and one for its header.
fn a_tree() -> TempDir {
    folder(&[
        (
            "Kbuild",
            "obj-m := sub/\nsubdir-ccflags-y := -I$(src)/include\n",
        ),
        ("include/one.h", "#define ONE 1\n"),
        (
            "sub/Makefile",
            // Cargo sets DEBUG, and the environment below does.
            "obj-m := one.o\nifdef DEBUG\n$(error DEBUG)\nendif\n",
        ),
        ("sub/one.c", &format!("#include <one.h>\n{HELLO}")),
        ("other/private.c", ""),
        ("other/locked/x.c", ""),
    ])
}

/// An environment in which plain make writes into the kernel tree or elsewhere, or does not build.
fn hostile(command: &mut Command, evil: &Path, makefile: &Path) {
    for name in [
        "M",
        "O",
        "MO",
        "KBUILD_OUTPUT",
        "KBUILD_EXTMOD",
        "KBUILD_EXTMOD_OUTPUT",
        "KBUILD_SRC",
        "SUBDIRS",
        "srctree",
        "objtree",
        "abs_srctree",
        "abs_objtree",
        "src",
        "obj",
        "PWD",
        "MODORDER",
        "KBUILD_EXTRA_SYMBOLS",
    ] {
        command.env(name, evil);
    }
    command
        .env("ARCH", "amd64")
        .env("DEBUG", "false")
        .env("sub_make_done", "1")
        .env("need-sub-make", "1")
        .env("MAKELEVEL", "3")
        .env("MAKEFILES", makefile)
        .env("MAKEFLAGS", format!(" -j4 -- V=1 O={}", evil.display()))
        .env("MFLAGS", "-n")
        .env(
            "GNUMAKEFLAGS",
            format!("--eval=$(shell touch {})", evil.display()),
        )
        .env("KCFLAGS", "-DEVIL=1")
        .env("KAFLAGS", "-DEVIL=1")
        .env("KCPPFLAGS", "-DEVIL=1")
        .env("CC", "/nonexistent/gcc")
        .env("KERNELRELEASE", "0.0.0")
        .env("INSTALL_MOD_PATH", evil)
        .env("C", "2")
        .env("W", "1")
        .env("V", "1");
}

#[test]
fn neither_a_hostile_environment_nor_a_user_without_rights_changes_trees_or_modules() {
    let source = a_tree();
    for kernel in scope::kernels(1).unwrap() {
        let (tree, kernel) = private_kernel(&kernel);
        let plain = plain_modules(&kernel, source.path(), "", source.path(), &[]);
        with_a_hostile_environment(&kernel, tree.path(), source.path(), &plain);
        without_rights(&kernel, tree.path(), source.path(), &plain);
    }
}

/// The kernel tree is writable.
fn with_a_hostile_environment(kernel: &LabKernel, tree: &Path, source: &Path, plain: &Modules) {
    let scratch = tempfile::tempdir().unwrap();
    let evil = scratch.path().join("evil");
    let makefile = scratch.path().join("evil.mk");
    fs::write(&makefile, format!("$(shell touch {})\n", evil.display())).unwrap();
    let before = [tree, source].map(|dir| (dir, Snapshot::take(dir).unwrap()));
    let out = tempfile::tempdir().unwrap();
    let cwd = tempfile::tempdir().unwrap();
    let mut ours = build(kernel, out.path());
    ours.arg(source).current_dir(cwd.path());
    hostile(&mut ours, &evil, &makefile);
    built(&mut ours);
    for (dir, before) in &before {
        assert_untouched(before, dir);
    }
    assert!(!evil.exists(), "{}", kernel.release);
    assert_eq!(fs::read_dir(cwd.path()).unwrap().count(), 0);
    assert_same_modules(&modules(out.path()), plain, &kernel.release);

    // None of it is part of the build, so a plain shell finds it up to date.
    let mut plainly = build(kernel, out.path());
    let again = built(plainly.arg(source).current_dir(cwd.path()));
    assert!(!started_make(&again), "{}", again.err());
}

/// The user may not write into the source and the kernel tree.
fn without_rights(kernel: &LabKernel, tree: &Path, source: &Path, plain: &Modules) {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    // The program may be in a folder that other users cannot enter.
    let own_program = home.path().join("kbuild-rs");
    fs::copy(program(), &own_program).unwrap();

    let like = build(kernel, &out);
    let mut ours = Command::new(&own_program);
    ours.args(like.get_args())
        .arg(source)
        .current_dir("/")
        .env("HOME", home.path())
        .env_remove("XDG_CACHE_HOME")
        .env_remove("TMPDIR");
    let is_root = home.path().metadata().unwrap().uid() == 0;
    if is_root {
        chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        ours.uid(NOBODY).gid(NOBODY);
        for dir in [tree, source] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let _read_only = [ReadOnly::new(tree), ReadOnly::new(source)];
    let before = [tree, source].map(|dir| (dir, Snapshot::take(dir).unwrap()));

    built(&mut ours);
    for (dir, before) in &before {
        assert_untouched(before, dir);
    }
    let owner = |path: &Path| path.metadata().unwrap().uid();
    assert_eq!(owner(&out.join("one.ko")), owner(home.path()));
    let again = built(&mut ours);
    assert!(!started_make(&again), "{}", again.err());
    assert_same_modules(&modules(&out), plain, &kernel.release);

    let mode = |name: &str, mode: u32| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(source.join(name), mode).unwrap();
    };
    // Nothing needs these files.
    mode("other/private.c", 0);
    mode("other/locked", 0);
    let again = built(&mut ours);
    assert_same_modules(&modules(&out), plain, &again.err());
    mode("other/locked", 0o755);
    mode("include/one.h", 0);
    let said = refused(&mut ours, 1);
    let header = source.join("include/one.h").display().to_string();
    assert!(said.contains(&header), "{said}");
    assert!(said.contains("Permission denied"), "{said}");
    mode("include/one.h", 0o644);
    built(&mut ours);
    assert_same_modules(&modules(&out), plain, &kernel.release);
}

/// Makefiles that write into their own folder: while make reads them, in rules, and through
/// programs that they start.
const WRITING_MAKEFILE: &str = r#"obj-m := self.o
self-y := main.o made.o
$(shell touch $(src)/touched)
$(shell echo "/* $(KERNELRELEASE) */" > $(M)/written.h)
$(shell sed -i 's/ORIGINAL/EDITED/' $(src)/main.c)
$(shell rm -f $(src)/unwanted.h)
$(obj)/made.c: $(src)/made.in
	cp $< $@
	echo "int more(void) { return 1; }" >> $@
	touch $(src)/touched-by-a-rule
clean-files := made.c
"#;

#[test]
fn a_makefile_that_writes_into_its_own_folder_does_not_reach_the_source() {
    let source = folder(&[
        ("Makefile", WRITING_MAKEFILE),
        (
            "main.c",
            &format!("#include \"written.h\"\n/* ORIGINAL */\n{HELLO}"),
        ),
        ("made.in", "int more(void);\n"),
        ("unwanted.h", "#error unwanted\n"),
    ]);
    // A link to a file in the tree is another way to write into the tree.
    std::os::unix::fs::symlink("main.c", source.path().join("link.c")).unwrap();
    let before = Snapshot::take_with_content(source.path()).unwrap();
    for kernel in scope::kernels(0).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let tree = Snapshot::take(&kernel.kdir).unwrap();
        let mut ours = build(&kernel, out.path());
        ours.arg(source.path());
        built(&mut ours);
        assert_eq!(differences_since(&before, source.path()), NOTHING);
        assert_untouched(&tree, &kernel.kdir);
        let again = built(&mut ours);
        assert!(!started_make(&again), "{}", again.err());
        let plain = plain_modules(&kernel, source.path(), "", source.path(), &[]);
        assert_same_modules(&modules(out.path()), &plain, &kernel.release);
    }
}
