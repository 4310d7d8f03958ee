//! Builds that one Ninja starts without telling them of each other: together they run the jobs of
//! one build.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::{run, scope};
use tempfile::TempDir;

use crate::cell::Tools;
use crate::many;
use crate::meeting::Meeting;
use crate::support::{LIMIT, program};

const PARTS: usize = 2;

/// A folder in which Ninjas build modules, each with its own output directory.
struct Scene {
    dir: TempDir,
    tools: Tools,
    kernel: LabKernel,
}

impl Scene {
    fn new() -> Option<Scene> {
        let tools = Tools::get();
        if let Err(why) = tools.ninja(false) {
            println!("not run: {why}");
            return None;
        }
        Some(Scene {
            dir: tempfile::tempdir().unwrap(),
            tools,
            kernel: many::kernel(),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command that builds a module, with its special arguments at the end.
    fn command(&self, name: &str, meeting: &Meeting, more: &str) -> String {
        let module = self.path(name);
        many::write(&module, name, PARTS);
        format!(
            "{} build {} -o {} --kernel {} --cc {} {more}",
            program().display(),
            module.display(),
            self.path(&format!("{name}-out")).display(),
            self.kernel.kdir.display(),
            meeting.compiler().display()
        )
    }

    /// A folder with a `build.ninja` that runs all these at once.
    fn rules(&self, name: &str, commands: &[String]) -> PathBuf {
        let dir = self.path(name);
        fs::create_dir(&dir).unwrap();
        let mut text = String::new();
        for (i, command) in commands.iter().enumerate() {
            text += &format!("rule r{i}\n  command = {command}\nbuild b{i}: r{i}\n");
        }
        fs::write(dir.join("build.ninja"), text).unwrap();
        dir
    }

    fn ninja(&self) -> &Path {
        self.tools.ninja(false).unwrap()
    }

    fn run(&self, dir: &Path, jobs: &str) {
        self.checked(
            self.ninja().as_os_str(),
            &["-C", dir.to_str().unwrap(), jobs],
        );
    }

    fn checked(&self, program: &OsStr, arguments: &[&str]) {
        let mut command = Command::new(program);
        command.args(arguments).env_remove("MAKEFLAGS");
        command.env("XDG_RUNTIME_DIR", self.dir.path());
        run::checked(&mut command, LIMIT).unwrap();
    }
}

#[test]
fn builds_without_a_pool_folder_have_the_jobs_of_one() {
    let Some(scene) = Scene::new() else { return };
    let number = if scope::is_full() { 8 } else { 4 };
    let meeting = Meeting::of(2, &scene.kernel);
    let commands: Vec<_> = (0..number)
        .map(|i| scene.command(&format!("m{i}"), &meeting, "-j2"))
        .collect();
    scene.run(&scene.rules("all", &commands), "-j8");
    assert_eq!(meeting.arrived().len(), number * PARTS);
    assert_eq!(meeting.most(), 2);
}

#[test]
fn a_pool_folder_that_some_builds_name_adds_no_jobs_to_those_of_the_others() {
    let Some(scene) = Scene::new() else { return };
    let meeting = Meeting::of(2, &scene.kernel);
    let named = ["", "--pool-dir a", "--pool-dir b"];
    let commands = named.iter().enumerate().map(|(i, pool)| {
        // Only Ninja limits the number: it is the number of pools.
        scene.command(&format!("m{i}"), &meeting, pool)
    });
    let dir = scene.rules("all", &commands.collect::<Vec<_>>());
    scene.run(&dir, "-j2");
    assert_eq!(meeting.arrived().len(), named.len() * PARTS);
    assert_eq!(meeting.most(), 2);
}

#[test]
fn two_ninjas_have_their_own_jobs_and_share_those_of_a_ninja_that_started_both() {
    let Some(scene) = Scene::new() else { return };
    let inner = |of: &str, modules: usize, meeting: &Meeting| {
        let commands: Vec<_> = (0..modules)
            .map(|i| scene.command(&format!("{of}{i}"), meeting, "-j2"))
            .collect();
        scene.rules(of, &commands)
    };
    let meeting = Meeting::of(4, &scene.kernel);
    std::thread::scope(|scope| {
        for of in ["a", "b"] {
            let dir = inner(of, 1, &meeting);
            let scene = &scene;
            scope.spawn(move || scene.run(&dir, "-j2"));
        }
    });
    assert_eq!(meeting.most(), 4);

    let meeting = Meeting::of(2, &scene.kernel);
    let ninja = |of: &str| {
        let dir = inner(of, 2, &meeting);
        format!("{} -C {} -j2", scene.ninja().display(), dir.display())
    };
    let outer = scene.rules("outer", &[ninja("c"), ninja("d")]);
    scene.run(&outer, "-j2");
    assert_eq!(meeting.arrived().len(), 4 * PARTS);
    assert_eq!(meeting.most(), 2);
}

#[test]
fn a_ninja_passes_the_one_token_of_a_make_on_and_a_make_below_it_has_its_own() {
    let Some(scene) = Scene::new() else { return };
    let make = scene.tools.any_make().display().to_string();
    let meeting = Meeting::of(2, &scene.kernel);
    let commands: Vec<_> = (0..3)
        .map(|i| scene.command(&format!("m{i}"), &meeting, ""))
        .collect();
    let dir = scene.rules("below", &commands);
    let makefile = scene.path("above.mk");
    let line = format!("{} -C {} -j3", scene.ninja().display(), dir.display());
    fs::write(&makefile, format!("all:\n\t+{line}\n")).unwrap();
    scene.checked(make.as_ref(), &["-j2", "-f", makefile.to_str().unwrap()]);
    assert_eq!(meeting.arrived().len(), 3 * PARTS);
    assert_eq!(meeting.most(), 2);

    // Each of these got a token from that make, and Ninja does not change that.
    let meeting = Meeting::of(2, &scene.kernel);
    let mut text = "all: n0 n1\n.PHONY: all n0 n1\n".to_owned();
    for name in ["n0", "n1"] {
        text += &format!("{name}:\n\t+{}\n", scene.command(name, &meeting, ""));
    }
    let makefile = scene.path("inside.mk");
    fs::write(&makefile, text).unwrap();
    let line = format!("{make} -j2 -f {}", makefile.display());
    scene.run(&scene.rules("around", &[line]), "-j1");
    assert_eq!(meeting.most(), 2);
}
