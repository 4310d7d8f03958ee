//! Nothing but the output directory is written to, whoever builds and whatever is in the way.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab;
use kbuild_tests::run;
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::scene::{newest_kernel, private_kernel};
use crate::support::*;

const NOBODY: u32 = 65534;

/// Without write permission for anybody, and with it again for the removal.
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

/// Several folders, a header, an object that is generated and one that is shipped.
fn a_tree() -> TempDir {
    folder(&[
        (
            "Kbuild",
            "obj-m := one.o sub/\nccflags-y := -I$(src)/include\n",
        ),
        ("one.c", &format!("#include <one.h>\n{HELLO}")),
        ("include/one.h", "#define ONE 1\n"),
        ("sub/Makefile", "obj-m := two.o\ntwo-y := main.o more.o\n"),
        ("sub/main.c", HELLO),
        (
            "sub/more.c",
            "int more(void);\nint more(void) { return 2; }\n",
        ),
    ])
}

#[test]
fn a_user_who_may_write_neither_source_nor_kernel_tree_builds_all_the_same() {
    let (tree, kernel) = private_kernel(&newest_kernel());
    let source = a_tree();
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    // The program may lie where others may not go.
    let own_program = home.path().join("kbuild-rs");
    fs::copy(program(), &own_program).unwrap();

    let like = build(&kernel, &out);
    let mut ours = Command::new(&own_program);
    ours.args(like.get_args())
        .arg(source.path())
        .current_dir("/")
        .env("HOME", home.path())
        .env_remove("XDG_CACHE_HOME")
        .env_remove("TMPDIR");
    let plain = plain_modules(&kernel, source.path(), "", source.path(), &[]);
    let is_root = home.path().metadata().unwrap().uid() == 0;
    if is_root {
        chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        ours.uid(NOBODY).gid(NOBODY);
        for dir in [tree.path(), source.path()] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let _read_only = [ReadOnly::new(tree.path()), ReadOnly::new(source.path())];
    let before =
        [tree.path(), source.path()].map(|dir| (dir, Snapshot::take_with_content(dir).unwrap()));

    built(&mut ours);
    for (dir, before) in &before {
        assert_eq!(differences_since(before, dir), NOTHING, "{dir:?}");
    }
    let owner = |path: &Path| path.metadata().unwrap().uid();
    assert_eq!(owner(&out.join("one.ko")), owner(home.path()));
    let again = built(&mut ours);
    assert!(!started_make(&again), "{}", again.err());
    assert_same_modules(&modules(&out), &plain, &kernel.release);
}

/// An environment in which plain make writes into the kernel tree, elsewhere, or not at all.
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
fn an_environment_full_of_makes_variables_changes_neither_a_writable_kernel_tree_nor_the_module() {
    let source = a_tree();
    write(
        source.path(),
        &[(
            "sub/Makefile",
            "obj-m := two.o\ntwo-y := main.o more.o\nifdef DEBUG\n$(error DEBUG)\nendif\n",
        )],
    );
    for kernel in scope::kernels(2).unwrap() {
        let (tree, kernel) = private_kernel(&kernel);
        let scratch = tempfile::tempdir().unwrap();
        let evil = scratch.path().join("evil");
        let makefile = scratch.path().join("evil.mk");
        fs::write(&makefile, format!("$(shell touch {})\n", evil.display())).unwrap();
        let plain = plain_modules(&kernel, source.path(), "", source.path(), &[]);

        let before_kernel = Snapshot::take(tree.path()).unwrap();
        let before_source = Snapshot::take_with_content(source.path()).unwrap();
        let out = tempfile::tempdir().unwrap();
        let cwd = tempfile::tempdir().unwrap();
        let mut ours = build(&kernel, out.path());
        ours.arg(source.path()).current_dir(cwd.path());
        hostile(&mut ours, &evil, &makefile);
        built(&mut ours);
        assert_untouched(&before_kernel, tree.path());
        assert_eq!(differences_since(&before_source, source.path()), NOTHING);
        assert!(!evil.exists(), "{}", kernel.release);
        assert_eq!(fs::read_dir(cwd.path()).unwrap().count(), 0);
        assert_same_modules(&modules(out.path()), &plain, &kernel.release);

        // Nothing of it is part of the build, so that a plain shell finds it up to date.
        let mut plainly = build(&kernel, out.path());
        let again = built(plainly.arg(source.path()).current_dir(cwd.path()));
        assert!(!started_make(&again), "{}", again.err());
    }
}

/// What Makefiles in the wild do to their own folder: while they are read, in rules, and through
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
    // A link to a file in the tree is as good a way out as any.
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

#[test]
fn a_makefile_that_asks_git_gets_the_sources_answer_and_writes_nothing_into_the_repository() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let source = folder(&[
        (
            "Kbuild",
            "obj-m := asks.o\nccflags-y := '-DVERSION=\"$(shell git describe --tags --dirty)\"'\n\
             $(shell git status >/dev/null)\n",
        ),
        ("asks.c", &format!("{HELLO}MODULE_VERSION(VERSION);\n")),
    ]);
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(words)
            .current_dir(source.path());
        run::checked(&mut git, LIMIT).unwrap();
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    git(&["tag", "v7.5"]);
    // The same content with another time: git would like to note that in its index.
    let asks = source.path().join("asks.c");
    fs::write(&asks, fs::read(&asks).unwrap()).unwrap();
    let out = tempfile::tempdir().unwrap();
    let before = Snapshot::take_with_content(source.path()).unwrap();
    built(build(&kernel, out.path()).arg(source.path()));
    assert_eq!(differences_since(&before, source.path()), NOTHING);
    let module = fs::read(out.path().join("asks.ko")).unwrap();
    let has = |text: &[u8]| module.windows(text.len()).any(|w| w == text);
    assert!(has(b"version=v7.5\0"), "another answer, or -dirty");
}
