//! The programs that get the descriptors of a jobserver: only those that also get them from plain
//! make.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::{run, scope};
use tempfile::TempDir;

use crate::cell::{Make, Tools, in_shell};
use crate::many;
use crate::meeting::Meeting;
use crate::support::{LIMIT, folder, program, write};

const PARTS: usize = 4;

/// Records its open descriptors, after a line with its name.
const ASK: &str = "#!/bin/sh\nexec >>LOG 2>&1\necho asks: ${0##*/} $1\nls -l /proc/$$/fd\n";

/// The outer command, and the text before its recipe's line.
#[derive(Clone, Copy)]
struct Outer {
    make: Make,
    lead: &'static str,
    flags: &'static [&'static str],
}

const PIPE: Outer = Outer {
    make: Make::Old,
    lead: "+",
    flags: &["-j3"],
};
const FIFO: Outer = Outer {
    make: Make::New,
    lead: "",
    flags: &["-j3"],
};
/// The build has its own jobserver.
const NOTHING: Outer = Outer {
    make: Make::Old,
    lead: "",
    flags: &[],
};

/// (with kbuild-rs, with plain make, the inner make). The old make fails with a fifo. Only the full
/// run has the last two.
const PAIRS: &[(Outer, Outer, Make)] = &[
    (PIPE, PIPE, Make::Old),
    (FIFO, PIPE, Make::Old),
    (FIFO, FIFO, Make::New),
    (NOTHING, NOTHING, Make::New),
    (PIPE, PIPE, Make::New),
    (NOTHING, NOTHING, Make::Old),
];

/// Descriptors of a jobserver, and unexpected ones. Locks, standard streams, [`ASK`] itself and the
/// descriptors of this test's surroundings are left out.
fn of_jobservers(open: Vec<String>) -> Vec<String> {
    let from_outside = |word: &str| {
        let (number, what) = word.split_once('=').unwrap_or_default();
        let own = fs::read_link(format!("/proc/self/fd/{number}"));
        own.is_ok_and(|own| own.as_os_str() == what)
    };
    let is_file = |word: &str| {
        ["/lock", "/jobs.lock", "/ask", "/git"]
            .iter()
            .any(|end| word.ends_with(end))
    };
    let is_stream = |word: &str| {
        ["0=", "1=", "2="]
            .iter()
            .any(|start| word.starts_with(start))
    };
    let mut open = open;
    open.retain(|word| !is_file(word) && !is_stream(word) && !from_outside(word));
    open
}

fn write_script(path: &Path, log: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, ASK.replace("LOG", log.to_str().unwrap())).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The open descriptors of each program with this name: `NUMBER=WHAT`.
fn asked(log: &Path, who: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(log).unwrap();
    let all = text.split("asks: ").skip(1).map(str::lines);
    let all = all.filter_map(|mut lines| (lines.next() == Some(who)).then_some(lines));
    let open = |line: &str| {
        let (lead, what) = line.split_once(" -> ")?;
        Some(format!("{}={what}", lead.rsplit(' ').next()?))
    };
    let all: Vec<Vec<_>> = all.map(|lines| lines.filter_map(open).collect()).collect();
    assert!(!all.is_empty(), "{who} was not run: {text}");
    all
}

/// A module whose Kbuild calls git, and which has a recipe that gets make's jobserver.
struct Scene {
    dir: TempDir,
    tools: Tools,
    kernel: LabKernel,
}

impl Scene {
    fn new() -> Scene {
        let scene = Scene {
            dir: folder(&[]),
            tools: Tools::get(),
            kernel: many::kernel(),
        };
        many::write(&scene.path("module"), "many", PARTS);
        let kbuild = fs::read_to_string(scene.path("module/Kbuild")).unwrap();
        let (git, ask) = (scene.path("bin/git"), scene.path("ask"));
        let kbuild = kbuild
            + "version := $(shell git --version)\nalways-y := asked\n$(obj)/asked: FORCE\n\t+"
            + &format!("{} recipe\n", ask.display());
        write(scene.dir.path(), &[("module/Kbuild", &kbuild)]);
        write_script(&ask, &scene.path("log"));
        write_script(&git, &scene.path("log"));
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The largest lists of one compiler, of one git, of one such recipe.
    fn seen(
        &self,
        outer: Outer,
        inner: Make,
        build: impl Fn(&Path) -> Command,
    ) -> [Vec<String>; 3] {
        let meeting = Meeting::of(1, &self.kernel);
        // No compiler waits for another.
        meeting.release();
        fs::write(self.path("log"), "").unwrap();
        let line = in_shell(&build(&meeting.compiler()));
        let makefile = format!("all:\n\t{}{line}\n", outer.lead);
        write(self.dir.path(), &[("Makefile", &makefile)]);
        let mut make = Command::new(self.tools.make(outer.make).unwrap());
        make.args(outer.flags).arg("-C").arg(self.dir.path());
        let path = self.tools.path(inner).unwrap();
        let path = std::iter::once(self.path("bin")).chain(std::env::split_paths(&path));
        make.env("PATH", std::env::join_paths(path).unwrap());
        run::checked(make.env_remove("MAKEFLAGS"), LIMIT).unwrap();

        let compilers = meeting.arrived();
        assert_eq!(compilers.len(), PARTS);
        let log = self.path("log");
        [
            compilers,
            asked(&log, "git --version"),
            asked(&log, "ask recipe"),
        ]
        .map(|all| {
            let all = all.into_iter().map(of_jobservers);
            all.max_by_key(Vec::len).unwrap_or_default()
        })
    }
}

#[test]
fn compilers_git_and_recipes_see_no_descriptor_that_plain_make_would_not_show_them() {
    let scene = Scene::new();
    if let Err(why) = scene.tools.make(Make::Old).and(scene.tools.make(Make::New)) {
        println!("not run: {why}");
        return;
    }
    let (module, kdir) = (scene.path("module"), &scene.kernel.kdir);
    let pairs = if scope::is_full() { PAIRS } else { &PAIRS[..4] };
    for &(with_ours, with_plain, inner) in pairs {
        let out = tempfile::tempdir().unwrap();
        let ours = scene.seen(with_ours, inner, |compiler| {
            let mut build = Command::new(program());
            build.arg("build").arg(&module).arg("-o").arg(out.path());
            build.arg("--kernel").arg(kdir).arg("-j3");
            build.arg("--cc").arg(compiler);
            build
        });
        let plain = scene.seen(with_plain, inner, |compiler| {
            let mut make = Command::new(scene.tools.make(inner).unwrap());
            // make rebuilds everything.
            make.arg("-B").arg("-C").arg(kdir);
            make.arg(format!("M={}", module.display()));
            make.arg(format!("CC={}", compiler.display()));
            make.args(with_plain.flags.is_empty().then_some("-j3"));
            make
        });
        let what = format!(
            "{inner:?} in {:?}: {ours:?}, plain {plain:?}",
            with_ours.make
        );
        println!("{what}");
        let no_more = |i: usize| ours[i].len() <= plain[i].len();
        assert!((0..3).all(no_more), "{what}");
        // This shows that the comparison works: such recipes get a pipe and do not get a fifo.
        let pipe = inner == Make::Old || with_plain.lead == "+";
        assert_eq!(plain[2].len(), if pipe { 2 } else { 0 }, "{what}");
    }
}

#[test]
fn a_command_that_prepares_a_tree_sees_no_descriptor_of_a_jobserver() {
    let (tools, kernel) = (Tools::get(), many::kernel());
    let dir = folder(&[]);
    let (module, log) = (dir.path().join("module"), dir.path().join("log"));
    many::write(&module, "many", 1);
    let script = dir.path().join("ask");
    write_script(&script, &log);
    let mut build = Command::new(program());
    build
        .arg("build")
        .arg(&module)
        .arg("-o")
        .arg(dir.path().join("out"));
    build.arg("--kernel").arg(&kernel.kdir);
    build.args(kernel.cc.iter().map(|cc| format!("--cc={cc}")));
    build
        .arg("--prepare")
        .arg(format!("exec {} prepare", script.display()));
    write(
        dir.path(),
        &[("Makefile", &format!("all:\n\t+{}\n", in_shell(&build)))],
    );
    let mut make = Command::new(tools.any_make());
    make.arg("-j3")
        .arg("-C")
        .arg(dir.path())
        .env_remove("MAKEFLAGS");
    run::checked(&mut make, LIMIT).unwrap();
    for open in asked(&log, "ask prepare").into_iter().map(of_jobservers) {
        assert!(open.is_empty(), "{open:?}");
    }
}
