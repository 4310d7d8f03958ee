//! The answers of git and about `.git` are those of a build in place, and no repository is written
//! to.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run::Output;
use kbuild_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::scene::{Scene, compiled, kernel_at};
use crate::support::repository::{answer, commit, git};
use crate::support::*;

/// Questions from the module folder and others: (the folder, git's arguments).
const QUESTIONS: &[(&str, &str)] = &[
    (".", "describe --tags --dirty --always"),
    (".", "rev-parse HEAD"),
    (".", "rev-parse --is-inside-work-tree"),
    (".", "rev-parse --show-prefix"),
    (".", "rev-parse --abbrev-ref HEAD"),
    (".", "log -1 --format=%s -- ."),
    (".", "ls-files"),
    (".", "status --porcelain --untracked-files=no"),
    (".", "submodule status"),
    ("../hal", "describe --dirty"),
    ("../nested", "describe --dirty"),
];

/// A Kbuild with all these questions, and one about a repository outside of the tree.
fn kbuild(questions: &[(&str, &str)], elsewhere: &Path) -> String {
    let mut text = String::from("obj-m := hello.o\n");
    let mut ask = |number: usize, command: &str| {
        text += &format!("$(info {number}[$(shell {command} 2>&1 | tr '\\n' ' ')])\n");
    };
    for (number, (folder, question)) in questions.iter().enumerate() {
        // There are two ways to name the folder.
        match number % 2 {
            0 => ask(number, &format!("git -C $(src)/{folder} {question}")),
            _ => ask(number, &format!("cd $(src)/{folder} && git {question}")),
        }
    }
    let elsewhere = format!("git -C {} describe", elsewhere.display());
    ask(questions.len(), &elsewhere);
    text
}

/// A repository with the module in one of its folders, a submodule, and another repository below.
fn project(elsewhere: &Path) -> TempDir {
    let hal = folder(&[("hal.h", "")]);
    commit(hal.path(), "hal-9.9");
    let dir = folder(&[
        ("driver/hello.c", HELLO),
        ("driver/Kbuild", &kbuild(QUESTIONS, elsewhere)),
        ("nested/x.h", ""),
        (".gitignore", "*.o\n"),
    ]);
    commit(&dir.path().join("nested"), "nested-1");
    let hal = hal.path().to_str().unwrap();
    git(dir.path(), &["init", "-q"]);
    git(dir.path(), &["submodule", "--quiet", "add", hal, "hal"]);
    fs::write(dir.path().join(".git/info/exclude"), "nested\n").unwrap();
    commit(dir.path(), "v1");
    dir
}

fn expect_answers(output: &Output, source: &Path, elsewhere: &Path, leave: &[usize]) {
    let said = output.err();
    let folder = source.join("driver");
    for (number, (dir, question)) in QUESTIONS.iter().enumerate() {
        if leave.contains(&number) {
            continue;
        }
        let words: Vec<_> = question.split(' ').collect();
        let answer = answer(&folder.join(dir), &words);
        let wanted = format!("{number}[{answer}]");
        assert!(said.contains(&wanted), "{question}: {wanted}\n{said}");
    }
    let wanted = format!("{}[{}]", QUESTIONS.len(), answer(elsewhere, &["describe"]));
    assert!(said.contains(&wanted), "{wanted}\n{said}");
}

fn up_to_date(command: &mut Command) -> bool {
    !started_make(&built(command))
}

#[test]
fn each_repository_answers_for_itself_as_in_the_source() {
    let elsewhere = folder(&[("x", "")]);
    commit(elsewhere.path(), "elsewhere-1");
    let project = project(elsewhere.path());
    let source = fs::canonicalize(project.path()).unwrap();
    // From the middle of the lab's list on, as on 6.1 and 6.12.
    let (with_root, alone) = (kernel_at(1), kernel_at(2));
    let out = tempfile::tempdir().unwrap();
    let whole = |kernel: &LabKernel| {
        let mut command = build(kernel, out.path());
        command
            .arg(source.join("driver"))
            .args(["--tree-root", ".."]);
        command
    };
    // git would write that to its index.
    fs::write(source.join("driver/hello.c"), HELLO).unwrap();
    fs::write(source.join("hal/hal.h"), "").unwrap();
    let before = Snapshot::take(&source).unwrap();
    let output = built(&mut whole(&with_root));
    assert_untouched(&before, &source);
    expect_answers(&output, &source, elsewhere.path(), &[]);
    assert!(up_to_date(&mut whole(&with_root)));
    // Each of them now gives another answer.
    git(elsewhere.path(), &["tag", "-a", "elsewhere-2", "-m", "2"]);
    let output = built(&mut whole(&with_root));
    assert!(output.err().contains("[elsewhere-2 ]"), "{}", output.err());
    git(&source.join("hal"), &["tag", "-a", "hal-10", "-m", "10"]);
    git(
        &source.join("nested"),
        &["tag", "-a", "nested-2", "-m", "2"],
    );
    fs::write(source.join("hal/hal.h"), "/* edited */\n").unwrap();
    let output = built(&mut whole(&with_root));
    assert!(output.err().contains("[hal-10-dirty ]"), "{}", output.err());
    expect_answers(&output, &source, elsewhere.path(), &[]);
    assert!(up_to_date(&mut whole(&with_root)));

    // Only the module folder is built: the repositories begin above it and beside it.
    let out = tempfile::tempdir().unwrap();
    let before = Snapshot::take(&source).unwrap();
    let driver = source.join("driver");
    let mut command = build(&alone, out.path());
    let output = built(command.arg(&driver));
    assert_untouched(&before, &source);
    // `nested` is not staged and not a submodule.
    let nested = QUESTIONS.len() - 1;
    expect_answers(&output, &source, elsewhere.path(), &[nested]);
    assert!(up_to_date(&mut command));
    fs::write(source.join("driver/hello.c"), format!("{HELLO}\n")).unwrap();
    git(&source, &["commit", "-q", "-am", "second"]);
    let output = built(&mut command);
    expect_answers(&output, &source, elsewhere.path(), &[nested]);
}

/// The commands with which Makefiles read the tree and then change it.
const LOOKS: &str = "obj-m := hello.o
$(info exists[$(shell [ -e $(src)/.git ] && echo yes || echo no)])
$(info folder[$(shell [ -d $(src)/.git ] && echo yes || echo no)])
$(info wildcard[$(if $(wildcard $(src)/.git/HEAD),yes,no)])
$(info tag[$(shell git -C $(src) describe --dirty 2>/dev/null || echo none)])
$(shell cd $(src) && git clean -fdxq -e hello.c -e Kbuild -e '.*' && git reset -q --hard HEAD~1 >&2)
$(shell find -L $(src)/.git -type f -delete; rm -rf $(src)/.git/* $(src)/.git)
";

#[test]
fn a_makefile_sees_dot_git_and_nothing_that_it_does_there_reaches_the_source() {
    let project = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    let source = fs::canonicalize(project.path()).unwrap();
    commit(&source, "v1");
    write(&source, &[("Kbuild", LOOKS), ("unknown.txt", "")]);
    git(&source, &["commit", "-q", "-am", "looks"]);
    git(&source, &["tag", "-a", "v2", "-m", "v2"]);
    git(&source, &["pack-refs", "--all"]);
    let out = tempfile::tempdir().unwrap();
    let mut command = build(&kernel_at(1), out.path());
    command.arg(&source);
    let before = Snapshot::take(&source).unwrap();
    let said = built(&mut command).err();
    assert_untouched(&before, &source);
    for wanted in ["exists[yes]", "folder[yes]", "wildcard[yes]", "tag[v2]"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    // The changes of the stage are undone.
    fs::write(source.join("hello.c"), format!("{HELLO}\n")).unwrap();
    let said = built(&mut command).err();
    assert!(said.contains("tag[v2-dirty]"), "{said}");

    // The tree has no repository, like a package.
    fs::remove_dir_all(source.join(".git")).unwrap();
    let said = built(&mut command).err();
    for wanted in ["exists[no]", "folder[no]", "wildcard[no]", "tag[none]"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn a_rule_that_depends_on_dot_git_runs_after_a_commit_and_not_after_an_edit() {
    let kbuild = "obj-m := hello.o
hello-y := hello_main.o version.o
ccflags-y := -I$(obj)
$(obj)/version.o: $(obj)/version.h
$(obj)/version.h: $(src)/.git/HEAD $(src)/.git/index
\techo \"static char version[] = \\\"$$(git -C $(src) describe)\\\";\" > $@
";
    let version = "#include \"version.h\"\nchar *hello_version(void);\n\
        char *hello_version(void) { return version; }\n";
    let files = [
        ("hello_main.c", HELLO),
        ("version.c", version),
        ("Kbuild", kbuild),
    ];
    let scene = Scene::tree(&kernel_at(2), &files);
    commit(scene.source.path(), "first");
    scene.build();
    scene.edit("hello_main.c", "hello from", "good day from");
    assert_eq!(compiled(&scene.build()), ["hello_main.o"]);
    git(scene.source.path(), &["commit", "-q", "-am", "second"]);
    git(scene.source.path(), &["tag", "-a", "second", "-m", "2"]);
    assert_eq!(compiled(&scene.build()), ["version.o"]);
    let module = &modules(scene.out.path())["hello.ko"];
    assert!(module.windows(6).any(|w| w == b"second"));
    assert!(!started_make(&scene.build()));
}

#[test]
fn a_file_is_dirty_if_it_is_dirty_in_the_source_and_not_if_the_stage_lacks_it() {
    let text = "obj-m := hello.o
$(info tag[$(shell git -C $(src) describe --dirty 2>&1)])
$(info status[$(shell git -C $(src) status --porcelain | tr '\\n' ' ')])
$(shell echo '/* made */' >> $(src)/made.h; touch $(src)/new.h)
";
    let main = folder(&[
        ("hello.c", HELLO),
        ("Kbuild", text),
        ("made.h", ""),
        ("left/out.txt", ""),
        ("old/.old.o.cmd", "savedcmd_old.o := cc\n"),
        ("old/old.o", ""),
        ("old/old.c", ""),
    ]);
    std::os::unix::fs::symlink("/etc/hostname", main.path().join("host")).unwrap();
    commit(main.path(), "v1");
    // In a worktree, a file leads to the repository, which is in the other tree.
    let scratch = tempfile::tempdir().unwrap();
    let source = fs::canonicalize(scratch.path()).unwrap().join("tree");
    let at = source.to_str().unwrap();
    git(main.path(), &["worktree", "add", "-q", "-b", "other", at]);
    write(&source, &[("note.txt", ""), ("kbuild-out/x", "")]);
    let out = tempfile::tempdir().unwrap();
    let mut command = build(&kernel_at(2), out.path());
    command.arg(&source).args(["--exclude", "left"]);
    let said = built(&mut command).err();
    assert!(said.contains("tag[v1]"), "{said}");
    assert!(
        said.contains("status[?? kbuild-out/ ?? note.txt ]"),
        "{said}"
    );
    // Again, with the products of the first build in the tree.
    write(&source, &[("old/old.c", "int x;\n"), ("left/out.txt", "y")]);
    let said = built(&mut command).err();
    assert!(said.contains("tag[v1-dirty]"), "{said}");
    let staged = said.lines().find(|line| line.starts_with("status["));
    assert!(staged.unwrap().contains(" M old/old.c ?? "), "{said}");
    git(&source, &["commit", "-q", "-am", "second"]);
    let said = built(&mut command).err();
    assert!(said.contains("tag[v1-1-g"), "{said}");
    assert!(!said.contains("dirty]"), "{said}");
}
