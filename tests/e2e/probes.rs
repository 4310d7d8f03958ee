//! kbuild asks the compiler which flags it takes. A compiler that dies during such a question has
//! not said no.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::disk::SmallDisk;
use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::scope;
use tempfile::TempDir;

use crate::rust_checks::RUSTY;
use crate::scene::{kernel_at, oldest_and_newest};
use crate::support::*;

/// Counts the questions down to the one that kills it.
const ASKED: &str = "#!/bin/sh\n\
    case \" $* \" in\n\
    *<question>*)\n\
    read left < <dir>/left\n\
    [ $left = 0 ] || echo $((left - 1)) > <dir>/left\n\
    [ $left != 1 ] || . <dir>/how ;;\n\
    esac\n\
    exec <real> \"$@\"\n";

/// A tool that dies once, at a given question.
struct Mortal {
    dir: TempDir,
    real: String,
}

impl Mortal {
    /// Stands in front of `real`. A command line that contains the words `question` is a question.
    fn new(real: &str, question: &str) -> Mortal {
        let mortal = Mortal {
            dir: folder(&[("how", ""), ("left", "0\n")]),
            real: real.to_owned(),
        };
        let script = ASKED
            .replace("<question>", &question.replace(' ', "\\ "))
            .replace("<dir>", mortal.dir.path().to_str().unwrap())
            .replace("<real>", real);
        // Its name tells kbuild the kind of the compiler.
        fs::write(mortal.program(), script).unwrap();
        fs::set_permissions(mortal.program(), fs::Permissions::from_mode(0o755)).unwrap();
        mortal
    }

    fn program(&self) -> PathBuf {
        let name = Path::new(&self.real).file_name().unwrap();
        self.dir.path().join(name)
    }

    /// From now on the tool dies at question number `at` (the first is 1), in this way. 0 means
    /// never.
    fn dies(&self, at: usize, how: &str) {
        let how = how.replace("<real>", &self.real);
        fs::write(self.dir.path().join("how"), how).unwrap();
        fs::write(self.dir.path().join("left"), format!("{at}\n")).unwrap();
    }

    /// Whether it was asked often enough to die.
    fn has_died(&self) -> bool {
        let left = fs::read_to_string(self.dir.path().join("left")).unwrap();
        left.trim() == "0"
    }
}

/// A child of gcc dies of a signal.
fn child(name: &str, signal: &str) -> String {
    format!(
        "exec <real> -wrapper sh,-c,'case $0 in ({name}|*/{name}) kill -{signal} $$;; esac; \
         exec \"$0\" \"$@\"' \"$@\"\n"
    )
}

/// The ways in which a GNU compiler may die, and the words about them.
fn ways() -> Vec<(String, &'static str)> {
    let all = [
        (child("cc1", "KILL"), "Killed signal terminated program"),
        ("trap '' XFSZ\nulimit -f 0\n".to_owned(), "died: "),
        ("kill -KILL $$\n".to_owned(), "signal 9"),
        ("ulimit -v 20000\n".to_owned(), "died: "),
        ("kill -KILL $PPID\nexit 1\n".to_owned(), "gave no answer"),
        (child("as", "KILL"), "Killed signal terminated program"),
        (child("cc1", "SEGV"), "died: "),
        (child("cc1", "TERM"), "Terminated signal terminated program"),
        ("kill -SEGV $$\n".to_owned(), "signal 11"),
        ("ulimit -f 0\n".to_owned(), "died: "),
        ("export TMPDIR=/proc\n".to_owned(), "temporary file"),
        ("echo some words >&2\nexit 1\n".to_owned(), "asked again"),
    ];
    all.into()
}

/// The words of a question to a C compiler.
const C: &str = " -x c /dev/null ";

fn hello() -> TempDir {
    folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")])
}

/// `hello`, built repeatedly into one OUT.
struct Site<'a> {
    kernel: &'a LabKernel,
    source: TempDir,
    out: TempDir,
    args: Vec<String>,
    tool: &'a Mortal,
    /// The modules if no tool ever died.
    clean: OnceCell<BTreeMap<String, Vec<u8>>>,
}

impl Site<'_> {
    fn command(&self, out: &Path) -> Command {
        // If the kernel's own compiler is missing here, the lab names another one.
        let kernel = LabKernel {
            cc: None,
            ..self.kernel.clone()
        };
        let mut command = build(&kernel, out);
        command.args(&self.args).arg(self.source.path());
        command
    }

    /// Checks that the death at question `at` is noticed.
    fn is_noticed(&self, at: usize, how: &str, says: &str) {
        self.tool.dies(at, how);
        let text = refused(&mut self.command(self.out.path()), 1);
        let what = format!("{}: {at} {how}", self.kernel.name);
        assert!(self.tool.has_died(), "{what}: {text}");
        assert!(
            text.contains("kbuild-rs: the compiler probe"),
            "{what}: {text}"
        );
        assert!(text.contains(says), "{what}: {text}");
        assert!(text.contains("then build again"), "{what}: {text}");
        assert!(modules(self.out.path()).is_empty(), "{what}: {text}");
    }

    /// Without deaths, the bytes are those of a build in which no tool ever died.
    fn is_right(&self) {
        self.tool.dies(0, "");
        let clean = self.clean.get_or_init(|| {
            let out = tempfile::tempdir().unwrap();
            built(&mut self.command(out.path()));
            modules(out.path())
        });
        built(&mut self.command(self.out.path()));
        let ours = modules(self.out.path());
        assert_same_modules(&ours, clean, self.kernel.name);
    }
}

/// A site in which `option` puts `tool` in the place of the kernel's own.
fn site<'a>(kernel: &'a LabKernel, tool: &'a Mortal, option: &str) -> Site<'a> {
    let mut args = vec![format!("{option}{}", tool.program().display())];
    if !option.starts_with("--cc") {
        args.extend(kernel.cc.iter().map(|cc| format!("--cc={cc}")));
    }
    Site {
        kernel,
        source: hello(),
        out: tempfile::tempdir().unwrap(),
        args,
        tool,
        clean: OnceCell::new(),
    }
}

#[test]
fn a_compiler_that_dies_of_a_question_has_not_answered_it() {
    for (place, kernel) in oldest_and_newest().iter().enumerate() {
        let tool = Mortal::new(&kernel.compiler(), C);
        let mut site = site(kernel, &tool, "--cc=");
        let mut ways = ways();
        if !scope::is_full() {
            // Two ways on each kernel, and others on the next one.
            ways = ways.into_iter().skip(2 * place).take(2).collect();
        }
        for (index, (how, says)) in ways.iter().enumerate() {
            // The driver itself refuses some of the later ones.
            site.is_noticed(3 + index % 8, how, says);
        }
        site.is_right();
        if scope::is_full() {
            for at in 1..=30 {
                site.out = tempfile::tempdir().unwrap();
                site.is_noticed(at, "kill -KILL $$\n", "signal 9");
                site.is_right();
            }
        }
    }
}

#[test]
fn a_question_without_room_for_temporary_files_has_no_answer() {
    let kernel = kernel_at(1);
    let tool = Mortal::new(&kernel.compiler(), C);
    let site = site(&kernel, &tool, "--cc=");
    for size in ["4k", "4k,nr_inodes=1"] {
        let at = tempfile::tempdir().unwrap();
        let Some(_disk) = SmallDisk::mount(at.path(), size) else {
            return println!("not run: mounting a small file system takes root");
        };
        // At some byte the file is full.
        let _ = fs::write(at.path().join("full"), [0; 8192]);
        let how = format!("export TMPDIR={}\n", at.path().display());
        site.is_noticed(7, &how, "No space left on device");
    }
    site.is_right();
}

#[test]
fn the_questions_of_a_module_and_those_to_the_linker_are_watched_too() {
    let kernel = kernel_at(2);
    let asks = "obj-m := hello.o\nccflags-y += $(call cc-option,-fno-ivopts)\n";
    let tool = Mortal::new(&kernel.compiler(), " -fno-ivopts -c -x c /dev/null ");
    let site_of_module = site(&kernel, &tool, "--cc=");
    write(site_of_module.source.path(), &[("Kbuild", asks)]);
    site_of_module.is_noticed(1, "kill -KILL $$\n", "for -fno-ivopts died: signal 9");
    site_of_module.is_right();
    let linker = Mortal::new("ld", " -v ");
    let site_of_linker = site(&kernel, &linker, "--make-var=LD=");
    site_of_linker.is_noticed(1, "kill -KILL $$\n", "died: signal 9");
}

#[test]
fn clang_and_rustc_are_watched_as_gcc_is() {
    let names = ["7.3", "7.3-clang"];
    for name in &names[..if scope::is_full() { 2 } else { 1 }] {
        if let Some(why) = lab::why_not(name) {
            return println!("not run: {name}: {why}");
        }
        let kernel = lab::kernel(name).unwrap();
        let (tool, option) = match &kernel.rustc {
            Some(rustc) => (
                Mortal::new(rustc.to_str().unwrap(), " --emit=obj=- "),
                "--rustc=",
            ),
            None => (Mortal::new(&kernel.compiler(), C), "--cc="),
        };
        let site = site(&kernel, &tool, option);
        if kernel.rustc.is_some() {
            fs::remove_file(site.source.path().join("hello.c")).unwrap();
            let asks = "obj-m := hello.o\nrustflags-y := $(call rustc-option,-Copt-level=1)\n";
            write(site.source.path(), &[("hello.rs", RUSTY), ("Kbuild", asks)]);
        }
        site.is_noticed(1, "kill -KILL $$\n", "signal 9");
        if scope::is_full() {
            site.is_noticed(1, "kill -SEGV $$\n", "signal 11");
            site.is_noticed(1, "ulimit -v 60000\n", "died: ");
            site.is_noticed(1, "ulimit -f 0\n", "died: ");
            site.is_right();
        }
    }
}
