//! `kbuild-rs check`: its verdicts are those of real kernels, in which the same files are loaded.
//!
//! The modules of all cases are built once for each kernel, some are then changed, and one guest loads
//! all of them.

mod calls;
mod cases;
mod edit;
mod guide;
mod sources;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::{run, scope};
use serde_json::Value;
use tempfile::TempDir;

use crate::scene::Scene;
use crate::support::*;
use cases::{CASES, Case, On};
use edit::Edit;
use sources::TREE;

/// A folder with the modules of every case for one kernel.
struct Bench {
    kernel: LabKernel,
    folder: TempDir,
    cases: Vec<&'static Case>,
}

/// What a kernel did with one module.
struct Deed {
    loaded: bool,
    log: String,
}

impl Bench {
    /// `foreign` has the modules of another kernel.
    fn new(kernel: &LabKernel, built: &Scene, foreign: &Scene) -> Bench {
        let cases: Vec<_> = CASES.iter().filter(|case| case.on.has(kernel)).collect();
        let folder = folder(&[]);
        if cases.iter().any(|case| case.on == On::Signing) {
            run::checked(
                Command::new("openssl")
                    .args("req -new -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=mok".split(' '))
                    .args(["-keyout", "mok.key", "-out", "mok.pem"])
                    .current_dir(folder.path()),
                LIMIT,
            )
            .unwrap();
        }
        let bench = Bench {
            kernel: kernel.clone(),
            folder,
            cases,
        };
        for case in &bench.cases {
            for (number, (name, edit)) in case.modules.iter().enumerate() {
                let file = bench.file(case, number);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                let scene = match edit {
                    Edit::Foreign => foreign,
                    _ => built,
                };
                fs::copy(scene.out.path().join(format!("{name}.ko")), &file).unwrap();
                edit.apply(&file, bench.folder.path());
            }
        }
        bench
    }

    fn file(&self, case: &Case, number: usize) -> PathBuf {
        self.folder
            .path()
            .join(case.name)
            .join(format!("{number}.ko"))
    }

    fn files<'a>(&'a self, case: &'a Case) -> impl Iterator<Item = PathBuf> + 'a {
        (0..case.modules.len()).map(|number| self.file(case, number))
    }

    /// Loads the modules of each case in one guest.
    fn load(&self) -> BTreeMap<(&'static str, usize), Deed> {
        let mut script = String::new();
        let mut guest = self.kernel.guest().unwrap();
        let enforce = "echo 1 > /sys/module/module/parameters/sig_enforce\n";
        let mut is_enforced = false;
        for case in &self.cases {
            if case.on == On::Enforced && !std::mem::replace(&mut is_enforced, true) {
                script += enforce;
            }
            for (number, file) in self.files(case).enumerate() {
                let inside = format!("/m/{}/{number}.ko", case.name);
                guest = guest.file(&inside, &file);
                writeln!(
                    script,
                    "dmesg -c >/dev/null; insmod {inside} 2>/dev/null; rc=$?\n\
                     echo; echo \"@case {} {number} $rc\"; dmesg",
                    case.name
                )
                .unwrap();
            }
            script += "for m in $(cut -d' ' -f1 /proc/modules); do rmmod $m; done\n\
                       for m in $(cut -d' ' -f1 /proc/modules); do rmmod $m; done\n";
        }
        let guest = guest.script(script + "exit 0\n");
        let verdict = guest.timeout(Duration::from_secs(180)).run().unwrap();
        let mut deeds = BTreeMap::new();
        for part in verdict.text.split("\n@case ").skip(1) {
            let (head, log) = part.split_once('\n').unwrap_or((part, ""));
            let words: Vec<&str> = head.split(' ').collect();
            let case = CASES.iter().find(|case| case.name == words[0]).unwrap();
            let deed = Deed {
                loaded: words[2] == "0",
                log: log.to_owned(),
            };
            deeds.insert((case.name, words[1].parse().unwrap()), deed);
        }
        deeds
    }

    /// The verdicts about the modules of a case.
    fn verdicts(&self, case: &Case) -> Vec<Value> {
        let mut command = Command::new(program());
        command.arg("check").args(self.files(case));
        command.arg("--kernel").arg(&self.kernel.kdir);
        command.arg("--root").arg(self.root());
        command.args(["--message-format", "json"]);
        if case.on == On::Enforced {
            let other = self.folder.path().join("other.pem");
            if !other.exists() {
                make_certificate(&other);
            }
            command
                .arg("--enforce-signatures")
                .arg("--trusted-cert")
                .arg(other);
        }
        let said = run::run(&mut command, LIMIT).unwrap();
        let lines = said.out();
        let objects = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let verdicts: Vec<Value> = objects
            .filter(|object: &Value| object["reason"] == "module-checked")
            .collect();
        assert_eq!(verdicts.len(), case.modules.len(), "{lines}{}", said.err());
        let all = verdicts.iter().all(|verdict| verdict["outcome"] == "loads");
        assert_eq!(said.status.success(), all, "{lines}");
        verdicts
    }

    /// The root of the lab's kernel: its modules are in `lib/modules/<release>`.
    fn root(&self) -> &Path {
        self.kernel.modules.ancestors().nth(3).unwrap()
    }
}

fn make_certificate(file: &Path) {
    let mut openssl = Command::new("openssl");
    openssl
        .args("req -new -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=other".split(' '))
        .args(["-keyout", "/dev/null", "-out"])
        .arg(file);
    run::checked(&mut openssl, LIMIT).unwrap();
}

/// Builds the tree; symbols that only some cases provide are warnings of modpost.
fn build_tree(kernel: &LabKernel) -> Scene {
    let mut scene = Scene::tree(kernel, TREE);
    if On::ForModules.has(kernel) {
        scene
            .args
            .extend(["--make-var", "FOR_MODULES=1"].map(str::to_owned));
    }
    scene.build();
    scene
}

/// Compares the verdicts with the deeds of the kernel; the number of pairs.
fn compare(bench: &Bench) -> (usize, Vec<String>) {
    let kernel = &bench.kernel;
    let deeds = bench.load();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for case in &bench.cases {
        let verdicts = bench.verdicts(case);
        for (number, verdict) in verdicts.iter().enumerate() {
            let deed = &deeds[&(case.name, number)];
            let about = format!(
                "{} {} {number}: {verdict}\n{}",
                kernel.name, case.name, deed.log
            );
            let loads = verdict["outcome"] == "loads";
            let is_last = number + 1 == verdicts.len();
            seen += usize::from(is_last);
            if verdict["outcome"] == "unclear" && case.on == On::BuiltIn {
                continue;
            }
            if loads != deed.loaded || verdict["outcome"] == "unclear" {
                wrong.push(format!("loaded: {}, {about}", deed.loaded));
            } else if !loads && case.name != "foreign" && !is_explained(verdict, &deed.log) {
                wrong.push(format!("another reason: {about}"));
            }
            if is_last && case.loads.is_some_and(|loads| loads != deed.loaded) {
                wrong.push(format!("the case is not what it says: {about}"));
            }
        }
    }
    (seen, wrong)
}

/// Whether the first message of a verdict is in the kernel's log. The kernel does not say everything.
fn is_explained(verdict: &Value, log: &str) -> bool {
    let faults = verdict["faults"].as_array().unwrap();
    assert!(!faults.is_empty(), "{verdict}");
    let message = faults[0]["message"].as_str().unwrap();
    // The checksums are ours.
    let message = message.split(" (module 0x").next().unwrap();
    match faults[0]["kind"].as_str().unwrap() {
        // 5.10 is silent about it.
        "architecture" => true,
        // So are all about the length.
        "signature" if message.starts_with("the module ends with") => true,
        // From 7.x on, the symbol is in parentheses.
        "namespace" => log.contains(message.split_once(" from ").unwrap().1),
        // Depends on the order of the symbol table.
        "gpl-only" => log.contains("Unknown symbol") || log.contains("GPL-only"),
        // No kernel says it.
        "vermagic" if message == "the module has no vermagic" => true,
        _ => log.contains(message),
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "what did not run, and why")]
fn every_verdict_is_what_the_kernel_does() {
    let names: &[&str] = match scope::is_full() {
        true => &["5.10", "6.1", "6.12", "7.2", "7.3"],
        false => &["6.12", "7.3"],
    };
    let mut built = Vec::new();
    for name in names {
        match lab::why_not(name) {
            Some(why) if scope::is_full() && lab::all().contains(name) => {
                panic!("not run: {name}: {why}")
            }
            Some(why) => println!("not run: {name}: {why}"),
            None => built.push(build_tree(&lab::kernel(name).unwrap())),
        }
    }
    let mut pairs = 0;
    let mut wrong = Vec::new();
    for (number, scene) in built.iter().enumerate() {
        let foreign = &built[(number + built.len() - 1) % built.len()];
        let bench = Bench::new(&scene.kernel, scene, foreign);
        let (seen, mut more) = compare(&bench);
        println!("{}: {seen} pairs", scene.kernel.name);
        pairs += seen;
        wrong.append(&mut more);
    }
    assert!(wrong.is_empty(), "of {pairs}:\n{}", wrong.join("\n"));
    assert!(pairs >= if scope::is_full() { 40 } else { 8 }, "{pairs}");
}
