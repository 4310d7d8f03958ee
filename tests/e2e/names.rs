//! Variables with a meaning for kbuild: they are refused, or their values are not run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::{run, scope};
use tempfile::TempDir;

use crate::scene::{kernel_at, newest_kernel, oldest_and_newest};
use crate::support::trap::Trap;
use crate::support::*;

/// kbuild runs the value of these, puts it before its commands, calls it as a function, reads it as
/// a makefile, or works in the folder that it names.
const KBUILDS: &[&str] = &[
    "BASH",
    "CLANG_FLAGS",
    "CONFIG_SHELL",
    "KBUILD_AFLAGS",
    "KBUILD_CFLAGS",
    "KBUILD_CFLAGS_MODULE",
    "KBUILD_CPPFLAGS",
    "KBUILD_EXTMOD",
    "KBUILD_HOSTCFLAGS",
    "KBUILD_LDFLAGS",
    "KBUILD_LDFLAGS_MODULE",
    "KBUILD_OUTPUT",
    "LD_PRELOAD",
    "LINUXINCLUDE",
    "MAKE",
    "MAKEFILES",
    "MAKEFILE_LIST",
    "MAKEFLAGS",
    "MODORDER",
    "MODPOST",
    "NOSTDINC_FLAGS",
    "PATH",
    "PHONY",
    "Q",
    "SHELL",
    "SRCARCH",
    "TMPOUT",
    "USERINCLUDE",
    "VPATH",
    "a_flags",
    "basetarget",
    "build",
    "c_flags",
    "cc-option",
    "clean",
    "cmd",
    "cmd_and_fixdep",
    "cmd_as_o_S",
    "cmd_cc_o_c",
    "cmd_ld_o_c",
    "cmd_made_up",
    "cmd_modpost",
    "delete-on-interrupt",
    "depfile",
    "dot-target",
    "filechk",
    "filechk_made_up",
    "if_changed",
    "if_changed_dep",
    "if_changed_rule",
    "kecho",
    "ld_flags",
    "modkern_cflags",
    "modname",
    "obj",
    "objtool",
    "quiet",
    "quiet_cmd_cc_o_c",
    "quiet_made_up",
    "real-obj-m",
    "real-prereqs",
    "rule_cc_o_c",
    "rule_made_up",
    "savedcmd_hello.o",
    "silent_cmd_cc_o_c",
    "srctree",
    "sub_cmd_record_mcount",
    "target-stem",
    "targets",
    "try-run",
];

/// Variables that kbuild puts into commands as words, and that users set.
const WORDS: &[&str] = &[
    "AR",
    "CFLAGS_MODULE",
    "CFLAGS_hello.o",
    "CFLAGS_REMOVE_hello.o",
    "CF",
    "CHECK",
    "CONFIG_CC_IMPLICIT_FALLTHROUGH",
    "CONFIG_CC_VERSION_TEXT",
    "CONFIG_FRAME_WARN",
    "EXTRA_CFLAGS",
    "HOSTCFLAGS",
    "KBUILD_MODPOST_WARN",
    "KCFLAGS",
    "KCPPFLAGS",
    "LD",
    "LDFLAGS_MODULE",
    "LDFLAGS_hello.o",
    "NM",
    "OBJCOPY",
    "PAHOLE_FLAGS",
    "V",
    "W",
    "ccflags-y",
    "hello-objs",
    "hello-y",
    "ldflags-y",
    "obj-m",
    "subdir-ccflags-y",
];

/// Values that run a command in a shell or in make.
const RUNS: &[&str] = &[
    "; PWNED #",
    "$(shell PWNED)",
    "'$(shell PWNED)'",
    "`PWNED`",
    "'`PWNED`'",
];

/// The same for values that kbuild puts into its own quotes, which it does not do with flags.
const QUOTED: &[&str] = &["x\" ; PWNED ; \"", "x' ; PWNED ; '"];

/// A tree's own names, two of which the kernel uses too.
const OWN: &[&str] = &["KSRC", "DEBUG", "VERSION", "NAME", "kver.x", "with-x"];

struct World {
    trap: Trap,
    source: TempDir,
    out: TempDir,
}

impl World {
    fn new() -> World {
        World {
            trap: Trap::new(),
            source: folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]),
            out: tempfile::tempdir().unwrap(),
        }
    }

    fn out(&self) -> std::path::PathBuf {
        self.out.path().join("out")
    }

    fn build(&self, kernel: &LabKernel) -> Command {
        let mut command = build(kernel, &self.out());
        command.arg(self.source.path());
        self.trap.set(&mut command);
        command
    }

    /// The call must end before anything is written.
    fn refuses(&self, kernel: &LabKernel, flag: &str, name: &str, value: &str) {
        let assignment = format!("{name}={value}");
        let said = refused(self.build(kernel).args([flag, &assignment]), 2);
        assert!(said.contains(name), "{flag} {assignment}: {said}");
        self.trap.assert_shut(&assignment);
        assert!(!self.out().exists(), "{flag} {assignment}");
    }
}

#[test]
fn a_variable_that_kbuild_would_run_is_refused_and_of_any_other_nothing_is_run() {
    let world = World::new();
    let program = world.trap.program().display().to_string();
    for (at, kernel) in oldest_and_newest().iter().enumerate() {
        // Each kernel has its half of the names, and each name one value; the full run has all.
        let mine = |names: &[&'static str]| -> Vec<(usize, &'static str)> {
            let all = names.iter().copied().enumerate();
            all.filter(|(number, _)| scope::is_full() || number % 2 == at)
                .collect()
        };
        for (_, name) in mine(KBUILDS) {
            world.refuses(kernel, "--make-var", name, &program);
        }
        for (number, name) in mine(WORDS) {
            for value in scope::one_of(number / 2, RUNS) {
                world.refuses(kernel, "--make-var", name, value);
            }
            if !name.to_ascii_uppercase().contains("FLAGS") && name != "CF" {
                let value = QUOTED[(number + at) % QUOTED.len()];
                world.refuses(kernel, "--make-var", name, value);
            }
        }
        for value in RUNS {
            let mut command = world.build(kernel);
            for name in OWN {
                command.args(["--make-var", &format!("{name}={value}")]);
            }
            if scope::is_full() || *value == RUNS[at] {
                built(&mut command);
                world.trap.assert_shut(value);
                assert!(modules(&world.out()).contains_key("hello.ko"));
                fs::remove_dir_all(world.out()).unwrap();
            }
        }
    }
}

#[test]
fn a_variable_of_the_environment_is_one_of_makes_too() {
    let world = World::new();
    let program = world.trap.program().display().to_string();
    let kernels = oldest_and_newest();
    let kernel = &kernels[0];
    for name in [
        "Q",
        "CONFIG_SHELL",
        "cmd_cc_o_c",
        "LINUXINCLUDE",
        "BASH_ENV",
        ".SHELLFLAGS",
        "BASH_FUNC_rm%%",
    ] {
        world.refuses(kernel, "--env", name, &program);
    }
    for name in [
        "KCFLAGS",
        "KCPPFLAGS",
        "hello-y",
        "CONFIG_FRAME_WARN",
        "PS4",
    ] {
        for value in ["; PWNED #", "`PWNED`", "'`PWNED`'"] {
            world.refuses(kernel, "--env", name, value);
        }
    }
}

/// All names that a kernel's makefiles set or use, and some words that are not names.
fn names_in(kernel: &LabKernel) -> BTreeSet<String> {
    let arch = kernel.common.join("arch").join(kernel.arch);
    let scripts = fs::read_dir(kernel.common.join("scripts")).unwrap();
    let mut files: Vec<_> = scripts.map(|entry| entry.unwrap().path()).collect();
    files.extend([kernel.common.join("Makefile"), arch.join("Makefile")]);
    let is_makefile = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy();
        path.is_file() && (name.starts_with("Makefile") || name.ends_with(".include"))
    };
    files.retain(|path| is_makefile(path));
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&text);
        let used = ["$(", "${", "call "]
            .into_iter()
            .flat_map(|ahead| text.split(ahead).skip(1));
        let used = used.map(|rest| rest.split(|c| !is_name(c)).next().unwrap());
        let set = text.lines().filter_map(|line| line.split_once('='));
        let set = set.map(|(left, _)| left.trim_end_matches([':', '?', '+', ' ', '\t']));
        let set = set.map(|left| left.rsplit(|c| !is_name(c)).next().unwrap());
        let starts = |word: &&str| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        names.extend(used.chain(set).filter(starts).map(str::to_owned));
    }
    names
}

#[test]
fn no_name_in_a_kernels_makefiles_is_that_of_a_variable_that_runs_its_value() {
    if !scope::is_full() {
        return;
    }
    for kernel in [kernel_at(0), newest_kernel()] {
        let world = World::new();
        let value = "; PWNED; `PWNED`; $(shell PWNED) #";
        let mut free = Vec::new();
        for name in names_in(&kernel) {
            let assignment = format!("{name}={value}");
            let mut command = world.build(&kernel);
            command.args(["--dry-run", "--make-var", &assignment]);
            if run::run(&mut command, LIMIT).unwrap().status.success() {
                free.push(assignment);
            }
        }
        // Many at once, because these belong to the tree and change nothing.
        for assignments in free.chunks(200) {
            let mut command = world.build(&kernel);
            for assignment in assignments {
                command.args(["--make-var", assignment]);
            }
            run::run(&mut command, LIMIT).unwrap();
            world.trap.assert_shut(&assignments);
        }
    }
}
