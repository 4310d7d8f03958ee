//! Signals during `package`, `sign` and `install`: nothing unfinished stays, and the process ends by the
//! signal.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use kbuild_tests::lab::packages;
use kbuild_tests::processes::{self, Signal};
use kbuild_tests::root::executable;
use kbuild_tests::scope;
use tempfile::TempDir;

use super::modules::{Modules, RING, usual};
use crate::crash::until;
use crate::support::*;
use crate::world::files_below;

const SIGNALS: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::HUP];

/// Starts a call, and sends it a signal as soon as `now` is true. The tests may run where signals are
/// ignored (nohup, a job in the background).
fn stopped(command: Command, signal: Signal, now: impl Fn() -> bool) -> Output {
    let child = Command::new("env")
        .arg("--default-signal=TERM,INT,HUP")
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(command.get_current_dir().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the moment is there", now);
    processes::signal(child.id(), signal);
    child.wait_with_output().unwrap()
}

/// The calls that write, each with a key beside the modules.
pub(super) fn calls(modules: &Modules, tmp: &Path) -> Vec<Command> {
    let formats = ["deb", "rpm", "tar", "sysext"];
    let key = ["--key", "mok.key", "--cert", "mok.pem", "--hash", "sha256"];
    let mut calls: Vec<_> = formats
        .iter()
        .map(|format| modules.package(format, &["--split", "--compress", "xz"]))
        .collect();
    let mut sign = Command::new(program());
    sign.args(["sign", "ring.ko", "user.ko", "--output"])
        .arg(modules.out())
        .args(key);
    let mut install = Command::new(program());
    install
        .args(["install", ".", "--no-depmod", "--compress", "xz", "--root"])
        .arg(modules.out())
        .args(key);
    calls.extend([sign, install]);
    for call in &mut calls {
        call.current_dir(modules.folder()).env("TMPDIR", tmp);
    }
    calls
}

/// Whether a path is that of a whole file which the calls write.
fn is_whole(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    let ends = [
        ".deb",
        ".rpm",
        ".tar.gz",
        ".raw",
        ".ko",
        ".ko.xz",
        ".gitignore",
    ];
    let is_own = path.starts_with("lib/kbuild-rs") || path.starts_with("var/lib/kbuild-rs");
    is_own || (!name.contains(".part") && ends.iter().any(|end| name.ends_with(end)))
}

#[test]
fn a_signal_at_any_moment_leaves_no_temporary_file() {
    packages::install(&["rpm", "squashfs-tools"]).unwrap();
    let modules = Modules::new();
    make_key(&modules);
    let tmp = modules.scratch.path().join("tmp");
    fs::create_dir(&tmp).unwrap();
    let count = calls(&modules, &tmp).len();
    let moments = if scope::is_full() { 24 } else { 4 };
    let mut cut = 0;
    for number in 0..count {
        let begin = Instant::now();
        let fresh = || {
            let _ = fs::remove_dir_all(modules.out());
            fs::create_dir(modules.out()).unwrap();
            calls(&modules, &tmp).swap_remove(number)
        };
        built(&mut fresh());
        let whole = begin.elapsed();
        for moment in 0..moments {
            let command = fresh();
            let what = format!("{command:?}, moment {moment}");
            let signal = SIGNALS[(number + moment) % SIGNALS.len()];
            let begin = Instant::now();
            let wait = whole.mul_f64((moment as f64 + 0.5) / moments as f64);
            let output = stopped(command, signal, || begin.elapsed() >= wait);
            let said = String::from_utf8_lossy(&output.stderr);
            // It was over, or the signal ended it, also before it could catch a signal.
            let by_signal = output.status.signal() == Some(signal.as_raw());
            assert!(by_signal || output.status.success(), "{what}: {said}");
            cut += usize::from(by_signal);
            assert_eq!(files_below(&tmp), Vec::<PathBuf>::new(), "{what}: {said}");
            assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0, "{what}: {said}");
            let left = files_below(&modules.out());
            let odd: Vec<_> = left.iter().filter(|path| !is_whole(path)).collect();
            assert_eq!(odd, Vec::<&PathBuf>::new(), "{what}: {said}");
        }
    }
    assert!(cut > count, "only {cut} calls were stopped");
}

pub(super) fn make_key(modules: &Modules) {
    let mut openssl = Command::new("openssl");
    openssl
        .args("req -new -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=mok".split(' '))
        .args(["-keyout", "mok.key", "-out", "mok.pem"])
        .current_dir(modules.folder());
    built(&mut openssl);
}

/// A stand-in for `dpkg-deb`, which writes a part of the package and hangs.
struct Packer {
    _bin: TempDir,
    /// A `PATH` with it.
    path: String,
    /// Has its number as soon as it has written the part.
    begun: PathBuf,
}

impl Packer {
    fn new(modules: &Modules) -> Packer {
        let bin = tempfile::tempdir().unwrap();
        let begun = modules.scratch.path().join("begun");
        let script = format!(
            "#!/bin/sh\nfor last; do :; done\necho part > \"$last\"\necho $$ > {}.new\n\
             mv {0}.new {0}\nexec sleep 1000\n",
            begun.display()
        );
        executable(&bin.path().join("dpkg-deb"), &script).unwrap();
        let usual = std::env::var("PATH").unwrap();
        Packer {
            path: format!("{}:{usual}", bin.path().display()),
            _bin: bin,
            begun,
        }
    }

    /// Lets the next one begin.
    fn forget(&self) {
        let _ = fs::remove_file(&self.begun);
    }

    fn id(&self) -> u32 {
        let number = fs::read_to_string(&self.begun).unwrap();
        number.trim().parse().unwrap()
    }
}

/// The modules of one package, which take the least time to build.
fn few_modules() -> Modules {
    Modules::built(
        usual(),
        &[
            ("rings/Kbuild", "obj-m := ring.o\n"),
            ("rings/ring.c", RING),
        ],
    )
}

/// The name of an unfinished package has the number of its process, so no later one replaces it.
#[test]
fn the_next_call_removes_what_killed_calls_left_of_the_package() {
    let modules = few_modules();
    let packer = Packer::new(&modules);
    let args = ["--compress", "none"];
    for _ in 0..2 {
        packer.forget();
        let mut command = modules.package("deb", &args);
        command.env("PATH", &packer.path);
        stopped(command, Signal::KILL, || packer.begun.exists());
        until("the packer ends", || !is_running(packer.id()));
        // Only the last one's: a call begins with the removal.
        let left = files_below(&modules.out());
        let is_part = |path: &PathBuf| path.to_string_lossy().ends_with(".part");
        assert_eq!(
            left.iter().filter(|path| is_part(path)).count(),
            1,
            "{left:?}"
        );
    }
    let packages = modules.packed("deb", &args);
    let [package] = &packages[..] else {
        panic!("one package was asked for, not {packages:?}");
    };
    let name = Path::new(package.file_name().unwrap()).to_owned();
    assert_eq!(files_below(&modules.out()), [name]);
}

/// An ended process without a parent that waits for it still has a number.
fn is_running(process: u32) -> bool {
    !fs::read(format!("/proc/{process}/cmdline"))
        .unwrap_or_default()
        .is_empty()
}

#[test]
fn a_program_that_packs_ends_with_the_call_and_the_call_says_why() {
    let modules = few_modules();
    let packer = Packer::new(&modules);
    let tmp = tempfile::tempdir().unwrap();
    for signal in SIGNALS {
        for json in [false, true] {
            packer.forget();
            let format = if json { "json" } else { "human" };
            let args = ["--compress", "none", "--message-format", format];
            let mut command = modules.package("deb", &args);
            command.env("PATH", &packer.path).env("TMPDIR", tmp.path());
            let start = Instant::now();
            let output = stopped(command, signal, || packer.begun.exists());
            assert_eq!(output.status.signal(), Some(signal.as_raw()));
            assert!(start.elapsed() < Duration::from_secs(500));
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8(said).unwrap();
            let expected = format!("stopped by signal {}", signal.as_raw());
            assert!(said.contains(&expected), "{said}");
            assert_eq!(json, said.contains("\"success\":false"), "{said}");
            assert!(!is_running(packer.id()), "sleep goes on");
            assert_eq!(fs::read_dir(tmp.path()).unwrap().count(), 0);
            assert_eq!(files_below(&modules.out()), Vec::<PathBuf>::new());
        }
    }
}
