//! Values that only the caller knows, and sources that only their owner may read.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use kbuild_tests::run::{self, Output};
use tempfile::TempDir;

use crate::scene::{Scene, kernel_at};
use crate::support::trap::holds;
use crate::support::*;
use crate::world::files_below;

/// A word that appears nowhere else.
const SECRET: &str = "s3cret-8f1c";

fn hello() -> Scene {
    let scene = Scene::tree(
        &kernel_at(1),
        &[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")],
    );
    fs::create_dir(scene.source.path().join("home")).unwrap();
    scene
}

/// A build that gets secrets in all kinds of values.
fn with_secrets(scene: &Scene, more: &[&str]) -> Command {
    let mut command = scene.command();
    command
        .args(["--env", &format!("TOKEN={SECRET}-env")])
        .args(["--env", &format!("KBUILD_BUILD_HOST={SECRET}-own")])
        .args(more)
        .env("CCACHE_REMOTE_STORAGE", format!("{SECRET}-inherited"))
        .env("GIT_SSH_COMMAND", format!("ssh -i {SECRET}-ssh"))
        .env("KBUILD_SIGN_PIN", format!("{SECRET}-pin"))
        .env("HOME", scene.path("home"));
    command
}

fn assert_silent(what: &str, output: &Output) {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().filter(|l| l.contains(SECRET)).collect();
    assert!(lines.is_empty(), "{what} says {lines:?}");
}

/// The files below `dir` that contain the secret.
fn telling(dir: &Path) -> Vec<PathBuf> {
    let mut files = files_below(dir);
    files.retain(|rel| {
        let path = dir.join(rel);
        let regular = fs::symlink_metadata(&path).unwrap().is_file();
        regular && holds(&fs::read(path).unwrap(), SECRET.as_bytes())
    });
    files
}

#[test]
fn only_make_gets_values_of_the_environment() {
    let scene = hello();
    for how in [
        &["--dry-run"][..],
        &["--dry-run", "--message-format", "json"],
        &["--message-format", "json", "-vv"],
        &["-vv"],
    ] {
        let output = built(&mut with_secrets(&scene, how));
        assert_silent(&how.join(" "), &output);
        let said = [output.out(), output.err()].concat();
        // The existence of a secret may be known.
        assert!(
            !how.contains(&"--dry-run") || said.contains("TOKEN"),
            "{said}"
        );
    }
    let again = built(&mut with_secrets(&scene, &[]));
    assert!(!started_make(&again), "{}", again.err());
    assert_eq!(telling(scene.out.path()), Vec::<PathBuf>::new());
    assert_eq!(telling(scene.source.path()), Vec::<PathBuf>::new());

    // Another value is noticed, and not shown.
    let other = built(with_secrets(&scene, &[]).args(["--env", "TOKEN=other"]));
    assert!(started_make(&other), "{}", other.err());
    assert!(other.err().contains("TOKEN changed"), "{}", other.err());
    assert_silent("a build with another value", &other);
    let back = built(&mut with_secrets(&scene, &[]));
    assert!(started_make(&back), "{}", back.err());
    assert_silent("a build with the first value", &back);

    // make gets the values, and its own output is passed on.
    scene.write(
        "Kbuild",
        "obj-m := hello.o\n$(info told: $(TOKEN) in $(HOME))\n",
    );
    let told = built(&mut with_secrets(&scene, &[]));
    let said = [told.out(), told.err()].concat();
    assert!(said.contains(&format!("told: {SECRET}-env")), "{said}");
    scene.write("hello.c", "#error no\n");
    let failed = run::run(&mut with_secrets(&scene, &["-q"]), LIMIT).unwrap();
    assert_eq!(failed.status.code(), Some(1));
    let own: Vec<_> = failed.err().lines().map(str::to_owned).collect();
    let own: Vec<_> = own.iter().filter(|l| !l.contains("told: ")).collect();
    assert!(!own.iter().any(|line| line.contains(SECRET)), "{own:?}");
}

/// If one value looked the same in two records, a reader of both could try values.
#[test]
fn one_value_looks_different_in_every_record() {
    let scene = hello();
    let lines = [0, 1].map(|_| {
        let out = tempfile::tempdir().unwrap();
        let mut command = scene.command_to(out.path());
        built(command.args(["--env", &format!("TOKEN={SECRET}")]));
        let record = files_below(out.path())
            .into_iter()
            .find(|rel| rel.ends_with("record"))
            .unwrap();
        let text = fs::read_to_string(out.path().join(record)).unwrap();
        let line = text.lines().find(|line| line.contains("TOKEN"));
        line.expect("the name of the variable").to_owned()
    });
    assert_ne!(lines[0], lines[1]);
}

/// Runs a command without a umask, as some containers and build machines do.
fn without_umask(command: &Command) -> Command {
    let mut open = Command::new("sh");
    open.args(["-c", "umask 0; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap());
    open
}

/// Whether others may read and reach a file below `dir`.
fn is_open_to_others(dir: &Path, rel: &Path) -> bool {
    let mode = |path: &Path| {
        let meta = fs::symlink_metadata(path);
        // The file may be gone meanwhile.
        meta.map_or(0, |meta| meta.permissions().mode())
    };
    let folders = rel.ancestors().skip(1).map(|folder| dir.join(folder));
    let mut folders = folders.filter(|folder| folder != dir);
    mode(&dir.join(rel)) & 0o044 != 0 && folders.all(|folder| mode(&folder) & 0o011 != 0)
}

#[test]
fn only_the_builder_can_read_records_with_any_umask() {
    let scene = hello();
    built(&mut without_umask(&scene.command()));
    let out = scene.out.path();
    for rel in files_below(out) {
        let name = rel.file_name().unwrap();
        if name == "record" || name == "manifest" {
            let mode = fs::metadata(out.join(&rel)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", rel.display());
        }
    }
}

/// Searches repeatedly for files with the secret that others may read.
fn watch(dir: &Path, stop: &AtomicBool) -> Vec<String> {
    let mut seen = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for rel in try_files_below(dir, Path::new("")) {
            let path = dir.join(&rel);
            let open = || is_open_to_others(dir, &rel);
            if !open() || seen.contains(&rel) {
                continue;
            }
            let text = fs::read(&path).unwrap_or_default();
            if holds(&text[..text.len().min(4096)], SECRET.as_bytes()) {
                seen.push(rel);
            }
        }
    }
    seen.iter().map(|rel| rel.display().to_string()).collect()
}

/// As [`files_below`], but files may appear and disappear meanwhile.
fn try_files_below(dir: &Path, rel: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir.join(rel)).into_iter().flatten().flatten() {
        let below = rel.join(entry.file_name());
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => files.extend(try_files_below(dir, &below)),
            false => files.push(below),
        }
    }
    files
}

/// Sources with private files, large enough to be seen while they are copied.
fn private_sources() -> TempDir {
    let line = format!("/* {SECRET} */\n");
    let large = line.repeat((4 << 20) / line.len());
    let source = folder(&[
        ("hello.c", HELLO),
        ("Kbuild", "obj-m := hello.o\n"),
        ("key.h", &large),
        ("private/key.h", &large),
        ("private/below/key.h", &large),
    ]);
    let mode = |name: &str, mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(source.path().join(name), mode).unwrap();
    };
    mode("", 0o755);
    mode("key.h", 0o600);
    mode("private", 0o700);
    source
}

#[test]
fn a_source_that_others_may_not_read_is_never_readable_in_the_stage() {
    let mut scene = Scene::tree(&kernel_at(1), &[]);
    scene.source = private_sources();
    let stop = AtomicBool::new(false);
    let out = scene.out.path();
    let seen = std::thread::scope(|threads| {
        let watcher = threads.spawn(|| watch(out, &stop));
        let mut results = Vec::new();
        for round in 0..2 {
            results.push(run::run(&mut without_umask(&scene.command()), LIMIT));
            // The new files replace the old ones.
            for name in ["key.h", "private/key.h"] {
                let path = scene.path(name);
                let text = fs::read(&path).unwrap();
                fs::write(
                    &path,
                    [&text[..], format!("/* {round} */\n").as_bytes()].concat(),
                )
                .unwrap();
            }
        }
        stop.store(true, Ordering::Relaxed);
        let seen = watcher.join().unwrap();
        for output in results {
            let output = output.unwrap();
            assert!(output.status.success(), "{}", output.err());
        }
        seen
    });
    assert_eq!(seen, Vec::<String>::new(), "others could read these");
    // The watcher could see them.
    let staged = files_below(out);
    for name in ["stage/key.h", "stage/private/below/key.h"] {
        assert!(staged.iter().any(|rel| rel.ends_with(name)), "{staged:?}");
    }
}

#[test]
fn a_declared_source_that_others_may_not_read_is_never_readable_in_the_stage() {
    let text = format!("{HELLO}/* {} */\n", format!("{SECRET} ").repeat(1 << 18));
    let scene = Scene::with(
        &kernel_at(1),
        &[("hello.c", &text)],
        &["--name", "hello", "hello.c"],
    );
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(scene.path("hello.c"), private).unwrap();
    let stop = AtomicBool::new(false);
    let out = scene.out.path();
    let seen = std::thread::scope(|threads| {
        let watcher = threads.spawn(|| watch(out, &stop));
        let output = run::run(&mut without_umask(&scene.command()), LIMIT);
        stop.store(true, Ordering::Relaxed);
        let seen = watcher.join().unwrap();
        assert!(output.unwrap().status.success());
        seen
    });
    assert_eq!(seen, Vec::<String>::new(), "others could read these");
}

/// The files below `dir` that make writes while kbuild's first phase is recorded.
fn recorded_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = try_files_below(dir, Path::new(""));
    files.retain(|rel| rel.iter().any(|part| part == "first-phase"));
    files
}

/// Builds the module with a new cache, without a umask. Returns the output, what others could read,
/// and the files of the recording that had a secret.
fn recorded(scene: &Scene, envs: &[(&str, &str)]) -> (Output, Vec<String>, Vec<PathBuf>) {
    let (cache, stop, out) = (folder(&[]), AtomicBool::new(false), scene.out.path());
    std::thread::scope(|threads| {
        let watcher = threads.spawn(|| watch(out, &stop));
        let files = threads.spawn(|| {
            let mut seen = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let mut files = recorded_files(out);
                files.retain(|rel| {
                    let text = fs::read(out.join(rel)).unwrap_or_default();
                    !seen.contains(rel) && holds(&text, SECRET.as_bytes())
                });
                seen.extend(files);
            }
            seen
        });
        let mut command = without_umask(&scene.command());
        command.env("XDG_CACHE_HOME", cache.path());
        let token = format!("TOKEN={SECRET}");
        command.args([
            "-q",
            "--env",
            if envs.is_empty() { &token } else { "TOKEN=x" },
        ]);
        let output = run::run(command.envs(envs.iter().copied()), LIMIT);
        stop.store(true, Ordering::Relaxed);
        let (open, seen) = (watcher.join().unwrap(), files.join().unwrap());
        (output.unwrap(), open, seen)
    })
}

/// make writes its environment into files while kbuild's first phase is recorded.
#[test]
fn the_environment_that_a_recorded_make_writes_down_is_private_and_never_has_the_pin() {
    let scene = hello();
    let nothing = Vec::<PathBuf>::new();
    let (output, open, seen) = recorded(&scene, &[]);
    assert!(output.status.success(), "{}", output.err());
    assert!(!seen.is_empty(), "nothing was recorded");
    assert_eq!(open, Vec::<String>::new(), "others could read these");
    assert_eq!(recorded_files(scene.out.path()), nothing);

    let scene = hello();
    let (output, open, seen) = recorded(&scene, &[("KBUILD_SIGN_PIN", SECRET)]);
    assert!(output.status.success(), "{}", output.err());
    assert_eq!((open, seen), (Vec::new(), nothing.clone()));

    // A build that is cut off leaves nothing.
    let scene = hello();
    let kbuild = "obj-m := hello.o\n$(obj)/hello.o: $(obj)/cut\n$(obj)/cut: ; kill -9 $$$$\n";
    scene.write("Kbuild", kbuild);
    let (output, _, seen) = recorded(&scene, &[]);
    assert!(!output.status.success() && !seen.is_empty());
    assert_eq!(recorded_files(scene.out.path()), nothing);
}

#[test]
fn a_value_that_is_not_utf_8_is_secret_too() {
    let scene = hello();
    let mut value = std::ffi::OsString::from("TOKEN=");
    value.push(std::ffi::OsStr::from_bytes(b"\xff"));
    value.push(SECRET);
    let mut command = scene.command();
    command.arg("--env").arg(&value);
    for how in ["--dry-run", "-vv"] {
        let output = built(command.arg(how));
        assert_silent(how, &output);
    }
    assert_eq!(telling(scene.out.path()), Vec::<PathBuf>::new());
}
