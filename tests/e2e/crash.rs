//! Kills of any process at any time: the files in OUT are complete, and the next build has the
//! result of a clean build.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kbuild_tests::lab;
use kbuild_tests::processes::{self, Signal};
use kbuild_tests::scope;
use tempfile::TempDir;

use crate::scene::*;
use crate::support::*;

type Modules = BTreeMap<String, Vec<u8>>;

/// A variable in the environment of all processes of one build.
const MARK: &str = "KBUILD_TEST_MARK";

/// A build in the background, and all its processes.
pub(crate) struct Running {
    child: Child,
    mark: String,
    said: TempDir,
}

impl Running {
    /// Starts `command`, which puts `mark` into the environment of make.
    pub(crate) fn start(mut command: Command, mark: &str) -> Running {
        let said = tempfile::tempdir().unwrap();
        let file = fs::File::create(said.path().join("said")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        Running {
            child,
            mark: format!("{MARK}={mark}"),
            said,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The output so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.said.path().join("said")).unwrap()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end. Returns whether it succeeded.
    pub(crate) fn wait(&mut self) -> bool {
        until("the build ends", || self.has_ended());
        self.child.wait().unwrap().success()
    }

    /// make and all processes below it, by name, including orphans.
    pub(crate) fn processes(&self) -> Vec<(u32, String)> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(pid) = name.parse() else { continue };
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let mut entries = environment.split(|&b| b == 0);
            if entries.any(|e| e == self.mark.as_bytes()) {
                let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                found.push((pid, name.trim().to_owned()));
            }
        }
        found
    }

    /// Kills kbuild-rs itself by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for (pid, _) in self.processes() {
            processes::signal(pid, Signal::KILL);
        }
    }
}

/// Whether a tool works on a file of the stage. Makefiles also probe compilers and discard the
/// messages. A probe that is killed has answered "no", and gives a complete module with fewer
/// flags.
fn works_in_a_stage(pid: u32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains("/.kbuild/")
}

/// Polls until the condition holds; fails after ten minutes.
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(600), "{what}: never");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The processes that a round kills.
const VICTIMS: &[&[&str]] = &[
    &["kbuild-rs"],
    &["cc1", "as", "gcc-12"],
    &["make"],
    &["ld", "pahole", "modpost", "objtool"],
];

/// xorshift64: enough to choose times, and a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Two modules of two objects each.
fn small(kernel: &lab::LabKernel) -> Scene {
    let rest = |name| format!("int {name}_rest(void);\nint {name}_rest(void) {{ return 1; }}\n");
    let with_header = |text: &str| format!("#include <linux/device.h>\n{text}");
    Scene::tree(
        kernel,
        &[
            (
                "Kbuild",
                "obj-m := a.o b.o\na-y := a1.o a2.o\nb-y := b1.o b2.o\n",
            ),
            ("a1.c", HELLO),
            ("a2.c", &with_header(&rest("a"))),
            ("b1.c", HELLO),
            ("b2.c", &with_header(&rest("b"))),
        ],
    )
}

/// Sources of another author that take seconds to compile.
fn digimend(kernel: &lab::LabKernel) -> Scene {
    let scene = Scene::tree(kernel, &[]);
    let from = lab::source_for("digimend-dkms", kernel).unwrap();
    copy(&from.join("."), scene.source.path());
    scene
}

/// The files in which two variants of the sources differ, from two modules each.
const DIFFERENT: &[&str] = &["polostar.c", "hid-uclogic-params.c", "a1.c", "a2.c", "b2.c"];

fn set_variant(source: &Path, variant: usize) {
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !DIFFERENT.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("/* variant */").next().unwrap();
        let line = format!("static const char variant[] __attribute__((used)) = \"{variant}\";");
        fs::write(&path, format!("{text}/* variant */\n{line}\n")).unwrap();
    }
}

/// Checks that every module in OUT is complete and comes from one of the clean builds.
fn assert_whole(out: &Path, clean: &[Modules], what: &str) {
    for (name, bytes) in modules(out) {
        assert!(
            clean.iter().any(|c| c.get(&name) == Some(&bytes)),
            "{what}: {name} is no module of any clean build"
        );
    }
}

/// Builds the scene `rounds` times. Each build is killed at some moment.
fn killed_at_random(mut scene: Scene, rounds: usize) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = std::env::var("KBUILD_TEST_SEED")
        .map_or_else(|_| now.as_nanos() as u64 | 1, |seed| seed.parse().unwrap());
    let mut random = Random(seed);
    let mark = format!("{}-{seed}", scene.kernel.name);
    scene
        .args
        .extend(["--env".into(), format!("{MARK}={mark}")]);
    set_variant(scene.source.path(), 1);
    let mut clean = vec![Modules::new(), scene.clean_build()];
    set_variant(scene.source.path(), 0);
    let start = Instant::now();
    scene.build();
    let last = start.elapsed();
    clean[0] = modules(scene.out.path());
    assert_ne!(clean[0], clean[1]);
    // A run with few rounds begins with any of them.
    let first = random.below(VICTIMS.len() as u64) as usize;
    for round in 0..rounds {
        let names = VICTIMS[(first + round) % VICTIMS.len()];
        let variant = (round + 1) % 2;
        set_variant(scene.source.path(), variant);
        let delay = Duration::from_micros(random.below(last.as_micros() as u64));
        let what = format!("seed {seed}, round {round}: {names:?} after {delay:?}");
        let mut running = Running::start(scene.command(), &mark);
        let start = Instant::now();
        while !running.has_ended() {
            if start.elapsed() < delay {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            if names == ["kbuild-rs"] {
                running.kill();
                break;
            }
            // Kills the first of these processes that appears.
            let processes = running.processes();
            let is_victim = |(pid, name): &&(u32, String)| {
                names.contains(&name.as_str()) && (name == "make" || works_in_a_stage(*pid))
            };
            if let Some((pid, _)) = processes.iter().find(is_victim) {
                processes::signal(*pid, Signal::KILL);
                break;
            }
            // A look at all processes takes longer than that.
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = running.wait();
        assert_whole(scene.out.path(), &clean, &what);
        let output = scene.build();
        assert_same_modules(
            &modules(scene.out.path()),
            &clean[variant],
            &format!("{what}\n{}", output.err()),
        );
        scene.is_fresh(&what);
    }
}

/// The newest kernel has BTF: pahole writes into the finished module.
#[test]
fn a_build_that_is_killed_somewhere_is_completed_by_the_next() {
    let rounds = if scope::is_full() { 8 } else { 3 };
    killed_at_random(small(&newest_kernel()), rounds);
    if scope::is_full() {
        for kernel in lab::kernels().unwrap() {
            killed_at_random(digimend(&kernel), 14);
        }
    }
}

#[test]
fn a_module_that_pahole_had_in_hand_when_it_was_killed_is_made_again() {
    let kernel = newest_kernel();
    let real = "exec /usr/bin/env -i PATH=\"${PATH#*:}\" pahole \"$@\"";
    // The tool dies in the middle: the module is newer than all its inputs, and incomplete.
    let script = format!(
        "#!/bin/sh\nfor last; do :; done\ncase \"$*\" in *.ko) [ -e \"$DIE\" ] && \
         printf x >> \"$last\" && kill -KILL $$;; esac\n{real}\n"
    );
    let (dir, path) = program_in_front("pahole", &script);
    let mut scene = Scene::tree(&kernel, &[("a.c", HELLO), ("Kbuild", "obj-m := a.o\n")]);
    scene.env.insert("PATH".into(), path);
    let die = dir.path().join("die");
    scene.args.push(format!("--env=DIE={}", die.display()));
    if !fs::read_to_string(kernel.kdir.join("include/config/auto.conf"))
        .unwrap()
        .contains("CONFIG_DEBUG_INFO_BTF_MODULES=y")
        || !kernel.kdir.join("vmlinux").exists()
    {
        return;
    }
    fs::write(&die, "").unwrap();
    let said = refused(&mut scene.command(), 1);
    assert!(said.contains("Killed") || said.contains("137"), "{said}");
    assert!(modules(scene.out.path()).is_empty(), "{said}");
    fs::remove_file(&die).unwrap();
    scene.builds_as_clean("after pahole was killed");
}
