//! git repositories.

use std::path::Path;
use std::process::Command;

use kbuild_tests::run;

use super::{LIMIT, leave_git};

/// Runs git in a folder with an invented user; returns its output.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let output = run::checked(&mut command(dir, args), LIMIT).unwrap();
    output.out()
}

/// git's answer in a folder, with its errors, on one line.
pub(crate) fn answer(dir: &Path, args: &[&str]) -> String {
    let output = run::run(&mut command(dir, args), LIMIT).unwrap();
    format!("{}{}", output.out(), output.err()).replace('\n', " ")
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(dir);
    for setting in [
        "user.name=a",
        "user.email=a@b",
        "tag.gpgSign=false",
        "commit.gpgSign=false",
        "protocol.file.allow=always",
        "init.defaultBranch=main",
    ] {
        command.args(["-c", setting]);
    }
    command
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C");
    leave_git(&mut command);
    command
}

/// Commits all files of a folder to its own new repository, with a tag.
pub(crate) fn commit(dir: &Path, tag: &str) {
    git(dir, &["init", "-q"]);
    git(dir, &["add", "."]);
    git(dir, &["commit", "-q", "-m", tag]);
    git(dir, &["tag", "-a", tag, "-m", tag]);
}
