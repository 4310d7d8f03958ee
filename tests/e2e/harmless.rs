//! Verbs that do not build: they run no code of a hostile tree, and no program that it brings.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::packages;
use kbuild_tests::run;

use crate::scene::{Scene, kernel_at};
use crate::support::*;
use crate::world::{NOBODY, files_below, give_to, is_root};

/// Calls that do not build, each in the folder of the tree. `ROOT` is a root with the module.
const CALLS: &[&str] = &[
    "build . --dry-run --kernel KDIR",
    "build . --dry-run --kernel KDIR --sandbox --message-format json",
    "build . --dry-run --kernel KDIR --prepare ./configure --config CONFIG_HELLO=y",
    "ide . --dry-run --kernel KDIR",
    "kernels",
    "kernels --message-format json",
    "cache status --cache cache",
    "cache verify --cache cache",
    "cache prune --all --cache cache",
    "info kbuild-out/hello.ko",
    "check --kernel KDIR",
    "check kbuild-out/hello.ko --kernel KDIR --root ROOT --trusted-cert mok.pem",
    "status --root ROOT",
    "verify --root ROOT",
    "sign kbuild-out/hello.ko --dry-run --key mok.key --cert mok.pem --hash sha256",
    "package --dry-run --format deb",
    "install --dry-run --root ROOT",
    "uninstall --all --dry-run --root ROOT",
    "rollback --dry-run --root ROOT",
    // These write, but they do not build either.
    "sign kbuild-out/hello.ko --output signed.ko --key mok.key --cert mok.pem --hash sha256",
    "package --format tar --out-dir packages",
    "install --root ROOT --no-depmod",
    "uninstall --all --root ROOT --no-depmod",
    "clean .",
    "clean",
];

/// A call that starts make and a compiler, but with no file of the tree.
const ASKING: &str = "probe --kernel KDIR --out-dir answers --has-header TYPES=linux/types.h";

/// The verbs that run the code of a tree.
const BUILDING: &[&str] = &["build", "ide", "test"];

/// The kinds of files in which somebody can leave code. Each of them marks its own name.
const FILES: &[(&str, &str)] = &[
    (
        "Makefile",
        "$(shell MARK)\nobj-m := hello.o\nall:\n\tMARK\n",
    ),
    ("GNUmakefile", "$(shell MARK)\nall:\n\tMARK\n"),
    (
        "Kbuild",
        "$(shell MARK)\nobj-m := hello.o\ninclude $(src)/more.mk\n",
    ),
    ("more.mk", "$(shell MARK)\n"),
    (
        "dkms.conf",
        "MARK\nPACKAGE_NAME=\"$(MARK)\"\nPACKAGE_VERSION=1\nPRE_BUILD=configure\n\
         MAKE=\"make; MARK\"\nBUILD_EXCLUSIVE_KERNEL=\"`MARK`\"\nAUTOINSTALL=yes\n",
    ),
    (
        ".git/config",
        "[core]\n\tbare = false\n\trepositoryformatversion = 0\n\tfsmonitor = \"MARK\"\n\tpager = \"MARK\"\n",
    ),
    (".git/hooks/post-index-change", "#!/bin/sh\nMARK\n"),
    ("configure", "#!/bin/sh\nMARK\n"),
    ("make", "#!/bin/sh\nMARK\n"),
    ("gcc", "#!/bin/sh\nMARK\n"),
    ("git", "#!/bin/sh\nMARK\n"),
    ("openssl", "#!/bin/sh\nMARK\n"),
    (
        "build.rs",
        "fn main() { std::process::Command::new(\"sh\").args([\"-c\", \"MARK\"]).status().unwrap(); }\n",
    ),
    (
        ".cargo/config.toml",
        "[build]\nrustc-wrapper = \"./configure\"\n",
    ),
    (
        "Cargo.toml",
        "[package]\nname = \"hello\"\nversion = \"0.1.0\"\n",
    ),
];

/// A tree that was harmless when it was built, installed and signed for.
struct Hostile {
    scene: Scene,
    scratch: tempfile::TempDir,
}

impl Hostile {
    fn new() -> Hostile {
        let files = [("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")];
        let scene = Scene::tree(&kernel_at(1), &files);
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir(scratch.path().join("marks")).unwrap();
        let hostile = Hostile { scene, scratch };
        let source = hostile.scene.source.path();
        built(&mut hostile.scene.command_to(&source.join("kbuild-out")));
        built(&mut hostile.call("install --root ROOT --no-depmod"));
        run::checked(
            Command::new("openssl")
                .args("req -new -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=mok".split(' '))
                .args(["-keyout", "mok.key", "-out", "mok.pem"])
                .current_dir(source),
            LIMIT,
        )
        .unwrap();
        let mut init = Command::new("git");
        leave_git(&mut init);
        run::checked(init.args(["init", "-q"]).current_dir(source), LIMIT).unwrap();
        hostile.poison();
        hostile
    }

    /// Puts code into the sources, into the output directory, and into every private folder.
    fn poison(&self) {
        let source = self.scene.source.path();
        let out = source.join("kbuild-out");
        let mut folders = vec![source.to_owned(), out.clone(), out.join(".kbuild")];
        let keys = fs::read_dir(out.join(".kbuild")).unwrap();
        let keys = keys.map(|entry| entry.unwrap().path());
        for key in keys.filter(|key| key.join("stage").is_dir()) {
            folders.extend([key.join("stage"), key]);
        }
        assert!(folders.len() >= 5, "{folders:?}");
        for (number, folder) in folders.iter().enumerate() {
            for (name, text) in FILES {
                // `clean` checks what is in the private folders, and must not be stopped by that.
                let is_private = folder.starts_with(out.join(".kbuild"));
                if is_private && !folder.ends_with("stage") {
                    continue;
                }
                let mark = format!("{number}-{}", name.replace('/', "-"));
                let mark = self.marks().join(mark);
                let text = text.replace("MARK", &format!("touch {}", mark.display()));
                write(folder, &[(name, &text)]);
                let mode = fs::Permissions::from_mode(0o755);
                fs::set_permissions(folder.join(name), mode).unwrap();
            }
        }
    }

    fn marks(&self) -> PathBuf {
        self.scratch.path().join("marks")
    }

    /// The code that ran since the last look.
    fn ran(&self) -> Vec<PathBuf> {
        let marks = files_below(&self.marks());
        for mark in &marks {
            fs::remove_file(self.marks().join(mark)).unwrap();
        }
        marks
    }

    fn call(&self, line: &str) -> Command {
        let root = self.scratch.path().join("root").display().to_string();
        let kdir = self.scene.kernel.kdir.display().to_string();
        let mut command = Command::new(program());
        let words = line.split(' ');
        let words = words.map(|word| word.replace("ROOT", &root).replace("KDIR", &kdir));
        command
            .args(words)
            .current_dir(self.scene.source.path())
            .env("HOME", self.scratch.path());
        if let Some(cc) = self
            .scene
            .kernel
            .cc
            .as_ref()
            .filter(|_| line.contains("KDIR"))
        {
            command.args(["--cc", cc]);
        }
        command
    }

    /// Runs a call that must succeed, and returns the command lines of the programs that it started.
    fn traced(&self, line: &str) -> Vec<String> {
        let call = self.call(line);
        let log = self.scratch.path().join("log");
        let mut strace = Command::new("strace");
        strace
            .args([
                "-f",
                "-qq",
                "-e",
                "trace=execve",
                "-e",
                "signal=none",
                "-s",
                "4096",
            ])
            .args(["-v", "-e", "abbrev=none", "-o"])
            .arg(&log)
            .arg(call.get_program())
            .args(call.get_args())
            .current_dir(self.scene.source.path());
        strace.envs(
            call.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        built(&mut strace);
        let log = fs::read_to_string(log).unwrap();
        let started = log.lines().filter(|line| line.ends_with(" = 0"));
        // The first one is the program itself; behind the arguments comes the environment.
        let started = started.filter_map(|line| line.split_once("execve(")?.1.split_once("], ["));
        started.skip(1).map(|(line, _)| line.to_owned()).collect()
    }
}

/// Whether a command line only asks a program for its version or a property, or is a tool that packs
/// or signs a module.
fn is_harmless(started: &str, trees: &Path) -> bool {
    let file = started.trim_start_matches('"').split('"').next().unwrap();
    let name = Path::new(file).file_name().unwrap().to_str().unwrap();
    let is_tool = ["openssl", "tar", "gzip", "getent", "sign-file", "strip"].contains(&name);
    let asks = [
        "\"--version\"",
        "\"-v\"",
        "\"-dumpmachine\"",
        "\"-print",
        "\"--print",
    ];
    // tar's own way to start its constant `gzip -n`.
    let is_tool = is_tool || started.ends_with("[\"/bin/sh\", \"-c\", \"gzip -n\"");
    let is_question = asks.iter().any(|word| started.contains(word));
    !Path::new(file).starts_with(trees) && (is_tool || is_question)
}

#[test]
fn verbs_that_do_not_build_run_no_code_of_a_hostile_tree() {
    packages::install(&["strace"]).unwrap();
    let hostile = Hostile::new();
    for line in CALLS {
        let started = hostile.traced(line);
        assert_eq!(hostile.ran(), Vec::<PathBuf>::new(), "{line}\n{started:#?}");
        let source = hostile.scene.source.path();
        let harmful = started.iter().filter(|one| !is_harmless(one, source));
        assert_eq!(harmful.collect::<Vec<_>>(), Vec::<&String>::new(), "{line}");
    }
    built(&mut hostile.call(ASKING));
    assert_eq!(hostile.ran(), Vec::<PathBuf>::new(), "{ASKING}");
    // The control: a build and a shell run the code that is there.
    let build = format!("build . --kernel {}", hostile.scene.kernel.kdir.display());
    run::run(&mut hostile.call(&build), LIMIT).unwrap();
    let ran = hostile.ran();
    assert!(ran.iter().any(|mark| mark.ends_with("0-Kbuild")), "{ran:?}");
    let mut shell = Command::new("bash");
    shell.args(["-c", ". ./dkms.conf"]);
    run::run(shell.current_dir(hostile.scene.source.path()), LIMIT).unwrap();
    let ran = hostile.ran();
    assert!(
        ran.iter().any(|mark| mark.ends_with("0-dkms.conf")),
        "{ran:?}"
    );
}

/// The names in the list of commands of `--help`.
fn verbs() -> Vec<String> {
    let help = built(Command::new(program()).arg("--help")).out();
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let verbs = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let verbs = verbs.map(|line| line.trim().split(' ').next().unwrap().to_owned());
    verbs.filter(|verb| verb != "help").collect()
}

#[test]
fn every_verb_and_every_dry_run_is_among_the_calls_on_a_hostile_tree() {
    let all = verbs();
    assert!(all.len() >= 12, "{all:?}");
    for verb in all {
        let of_verb = CALLS
            .iter()
            .filter(|call| call.split(' ').next() == Some(&verb));
        let of_verb: BTreeSet<&str> = of_verb.copied().collect();
        let is_asking = ASKING.split(' ').next() == Some(&verb);
        let is_tried = !of_verb.is_empty() || is_asking || BUILDING.contains(&&*verb);
        assert!(
            is_tried,
            "add a call of {verb}, which must not run code of a tree"
        );
        let help = built(Command::new(program()).args([&verb, "--help"])).out();
        let has_dry_run = help.contains("\n      --dry-run");
        let is_tried = of_verb.iter().any(|call| call.contains(" --dry-run"));
        assert_eq!(has_dry_run, is_tried, "the calls of {verb} with --dry-run");
    }
}

#[test]
fn sudo_in_the_users_folder_is_refused_before_cargo_starts() {
    let dir = folder(&[("Cargo.toml", ""), ("cargo", "#!/bin/sh\ntouch started\n")]);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(dir.path().join("cargo"), mode).unwrap();
    if is_root() {
        give_to(NOBODY, dir.path());
    }
    let user = fs::metadata(dir.path()).unwrap().uid();
    let mut command = Command::new(program());
    command
        .args(["install", "--cargo", "--root", "image"])
        .current_dir(dir.path())
        .env("CARGO", dir.path().join("cargo"))
        .env("SUDO_UID", user.to_string());
    let said = refused(&mut command, 2);
    assert!(said.contains("kbuild-rs install --cargo"), "{said}");
    assert!(!dir.path().join("started").exists());
    // The control: without sudo, this Cargo starts.
    run::run(command.env_remove("SUDO_UID"), LIMIT).unwrap();
    assert!(dir.path().join("started").exists());
}
