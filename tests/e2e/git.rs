//! git's answers to a Makefile, and the owner of the commands that git runs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use kbuild_tests::run;
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::scene::kernel_at;
use crate::support::repository::git;
use crate::support::trap::Trap;
use crate::support::*;

/// Runs all git commands that read files, from the module folder.
const KBUILD: &str = "obj-m := hello.o
git = $(shell git -C $(src) $(1) 2>&1 | tr '\\n' ' ')
$(info describe[$(call git,describe --always --dirty)])
$(info status[$(call git,status --short)])
$(info top[$(call git,rev-parse --show-toplevel)])
";

/// A repository with a tag `v1`, and settings that run the trap's program whenever git reads files.
fn repository(trap: &Trap, hostile: bool) -> TempDir {
    let dir = folder(&[
        ("hello.c", HELLO),
        ("Kbuild", KBUILD),
        (".gitignore", "*.o\n"),
    ]);
    git(dir.path(), &["init", "-q"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-q", "-m", "first"]);
    git(dir.path(), &["tag", "-a", "v1", "-m", "v1"]);
    if hostile {
        let program = trap.program().display().to_string();
        let hooks = dir.path().join(".git/own-hooks");
        fs::create_dir(&hooks).unwrap();
        std::os::unix::fs::symlink(&program, hooks.join("post-index-change")).unwrap();
        for (name, value) in [
            ("core.fsmonitor", program.clone()),
            ("core.hooksPath", hooks.display().to_string()),
            ("core.pager", program.clone()),
            ("filter.x.clean", program.clone()),
            ("alias.describe", format!("!{program}")),
        ] {
            git(dir.path(), &["config", name, &value]);
        }
        fs::write(dir.path().join(".git/info/attributes"), "* filter=x\n").unwrap();
        // git reads a file whose time changed.
        fs::write(dir.path().join("hello.c"), HELLO).unwrap();
    }
    dir
}

/// Gives `dir` to another user, if that is allowed.
fn give_away(dir: &Path) -> bool {
    let own = fs::metadata("/proc/self").unwrap().uid();
    let mut chown = Command::new("chown");
    chown.arg("-R").arg((own + 1).to_string()).arg(dir);
    let output = run::run(&mut chown, LIMIT).unwrap();
    output.status.success()
}

#[test]
fn git_runs_no_command_of_somebody_elses_repository() {
    let trap = Trap::new();
    let source = repository(&trap, true);
    // The settings work if git trusts them.
    let mut status = Command::new("git");
    status.arg("-C").arg(source.path()).arg("status");
    run::checked(&mut status, LIMIT).unwrap();
    std::panic::catch_unwind(|| trap.assert_shut(&"status")).unwrap_err();

    let trap = Trap::new();
    let source = repository(&trap, true);
    if !give_away(source.path()) {
        println!("not run: giving files to another user takes root");
        return;
    }
    for kernel in scope::kernels(1).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let output = built(trap.set(build(&kernel, out.path()).arg(source.path())));
        assert!(
            output
                .err()
                .contains("describe[fatal: not a git repository"),
            "{}",
            output.err()
        );
        trap.assert_shut(&"the repository's command");
    }
}

#[test]
fn a_tree_that_looks_like_a_bare_repository_is_not_one() {
    let trap = Trap::new();
    let other = repository(&trap, true);
    let source = folder(&[("hello.c", HELLO), ("Kbuild", KBUILD)]);
    let inside = other.path().join(".git/.");
    copy(&inside, source.path());
    git(
        &other.path().join(".git"),
        &["config", "core.worktree", "."],
    );
    fs::copy(
        other.path().join(".git/config"),
        source.path().join("config"),
    )
    .unwrap();
    let text = fs::read_to_string(source.path().join("config")).unwrap();
    fs::write(
        source.path().join("config"),
        text.replace("bare = true", "bare = false"),
    )
    .unwrap();
    if !give_away(source.path()) {
        println!("not run: giving files to another user takes root");
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let trap = Trap::new();
    let output = built(trap.set(build(&kernel_at(0), out.path()).arg(source.path())));
    assert!(
        output
            .err()
            .contains("describe[fatal: not a git repository"),
        "{}",
        output.err()
    );
    trap.assert_shut(&"the repository's command");
}

#[test]
fn git_describes_the_callers_own_source_and_does_not_write_to_it() {
    let trap = Trap::new();
    let source = repository(&trap, false);
    let real = fs::canonicalize(source.path()).unwrap();
    // The same content with another time: git would write that to its index.
    fs::write(real.join("hello.c"), HELLO).unwrap();
    for (number, wanted) in ["describe[v1 ]", "describe[v1-dirty ]"].iter().enumerate() {
        let out = tempfile::tempdir().unwrap();
        let before = Snapshot::take(&real).unwrap();
        let output = built(trap.set(build(&kernel_at(number), out.path()).arg(&real)));
        assert_untouched(&before, &real);
        assert!(output.err().contains(wanted), "{wanted}: {}", output.err());
        assert!(output.err().contains(&format!("top[{} ]", real.display())));
        fs::write(real.join("hello.c"), format!("{HELLO}\n")).unwrap();
    }
}

#[test]
fn no_repository_around_the_output_directory_or_in_the_environment_answers() {
    let trap = Trap::new();
    let repository = repository(&trap, false);
    let source = folder(&[("hello.c", HELLO), ("Kbuild", KBUILD)]);
    let out = repository.path().join("out");
    let mut command = build(&kernel_at(1), &out);
    command.arg(source.path());
    command.env("GIT_DIR", repository.path().join(".git"));
    command.env("GIT_WORK_TREE", repository.path());
    command.env("GIT_INDEX_FILE", repository.path().join(".git/index"));
    let output = built(trap.set(&mut command));
    assert!(
        output
            .err()
            .contains("describe[fatal: not a git repository"),
        "{}",
        output.err()
    );
}
