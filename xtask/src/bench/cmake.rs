//! Fifty modules in a CMake project beside fifty libraries in another: configured again, and built
//! again with nothing to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, packages};

use super::measure::{Sample, measure, median};
use super::{Row, Setup, ratio, scratch, write};
use crate::{Result, exec};

const TARGETS: usize = 50;

/// Debian 12's CMake keeps Ninja's depfiles as files, the newest one keeps them in Ninja's log.
const VERSIONS: &[&str] = &["3.22", "3.25", "newest"];

/// A run takes 30 ms, and Ninja without modules 4 ms. Many runs are needed, because other work of
/// the machine would distort one.
const CONFIGURES: usize = 8;
const NULL_BUILDS: usize = 80;

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    packages::install(&["ninja-build"])?;
    let scratch = scratch()?;
    let sides = [
        Side::modules(scratch.path(), setup)?,
        Side::libraries(scratch.path())?,
    ];
    let mut rows = Vec::new();
    for version in VERSIONS {
        let cmake = lab::cmake(version)?;
        for side in &sides {
            measure(&mut side.configure(&cmake, version))?;
            measure(&mut side.first_build(&cmake, version))?;
            measure(&mut side.ninja(version))?;
        }
        let name = |what: &str| format!("{TARGETS} modules, CMake {version}, {what}");
        rows.extend(compare(
            &name("configure"),
            1.5,
            setup.runs * CONFIGURES,
            sides.each_ref().map(|side| side.configure(&cmake, version)),
        )?);
        rows.extend(compare(
            &name("null build with Ninja"),
            1.2,
            setup.runs * NULL_BUILDS,
            sides.each_ref().map(|side| side.ninja(version)),
        )?);
    }
    Ok(rows)
}

/// Runs each side `runs` times, in turn, and compares the medians.
pub(super) fn compare(
    what: &str,
    bound: f64,
    runs: usize,
    mut commands: [Command; 2],
) -> Result<[Row; 2]> {
    let mut samples: [Vec<Sample>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..runs {
        for (command, samples) in commands.iter_mut().zip(&mut samples) {
            samples.push(measure(command)?);
        }
    }
    let row = |how: &str, of: fn(&Sample) -> f64| {
        let [ours, theirs] = samples.each_ref().map(|s| median(s.iter().map(of)));
        ratio(&format!("{what}, {how}"), ours, theirs, bound)
    };
    Ok([
        row("wall", |sample| sample.wall.as_secs_f64()),
        row("CPU", |sample| sample.cpu.as_secs_f64()),
    ])
}

/// A project, and the command that configures it.
struct Side {
    project: PathBuf,
    arguments: Vec<String>,
    /// A folder that must not be written to during the build.
    read_only: Option<PathBuf>,
}

impl Side {
    /// The project with modules. Its user cannot write to the kernel tree, as with a packaged one.
    fn modules(scratch: &Path, setup: &Setup) -> Result<Side> {
        let package = exec::root().join("cmake-module");
        let text = fs::read_to_string(exec::root().join("examples/cargo-hello/module/hello.c"));
        let text = text.map_err(|error| format!("hello.c: {error}"))?;
        let project = scratch.join("modules");
        let lists = format!(
            "add_subdirectory(\"{}\" kbuild-package)\n\
             foreach(number RANGE 1 {TARGETS})\n\
             kbuild_add_module(part${{number}} part${{number}}.c)\n\
             endforeach()\n",
            package.display()
        );
        write_project(&project, &lists, &text)?;
        let kernel = &setup.kernel;
        let mut arguments = vec![
            format!("-DKbuild_EXECUTABLE={}", setup.program.display()),
            format!("-DKDIR={}", kernel.kdir.display()),
        ];
        arguments.extend(kernel.cc.iter().map(|cc| format!("-DKbuild_CC={cc}")));
        Ok(Side {
            project,
            arguments,
            read_only: Some(kernel.kdir.clone()),
        })
    }

    fn libraries(scratch: &Path) -> Result<Side> {
        let project = scratch.join("libraries");
        let lists = format!(
            "foreach(number RANGE 1 {TARGETS})\n\
             add_library(part${{number}} part${{number}}.c)\n\
             endforeach()\n"
        );
        let text = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\
                    int part(void);\nint part(void) { return puts(\"part\"); }\n";
        write_project(&project, &lists, text)?;
        Ok(Side {
            project,
            arguments: Vec::new(),
            read_only: None,
        })
    }

    fn build_dir(&self, version: &str) -> PathBuf {
        self.project.join(format!("build-{version}"))
    }

    fn configure(&self, cmake: &Path, version: &str) -> Command {
        let mut command = Command::new(cmake);
        command.arg("-S").arg(&self.project).arg("-B");
        command.arg(self.build_dir(version)).args(["-G", "Ninja"]);
        command.args(&self.arguments);
        command
    }

    fn first_build(&self, cmake: &Path, version: &str) -> Command {
        let mut command = match &self.read_only {
            Some(folder) => {
                let script =
                    "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
                let mut unshare = Command::new("unshare");
                unshare.arg("--mount");
                if !packages::is_root() {
                    unshare.arg("--map-root-user");
                }
                unshare.args(["sh", "-c", script]).arg(folder).arg(cmake);
                unshare
            }
            None => Command::new(cmake),
        };
        command.arg("--build").arg(self.build_dir(version));
        command
    }

    fn ninja(&self, version: &str) -> Command {
        let mut command = Command::new("ninja");
        command.arg("-C").arg(self.build_dir(version));
        command
    }
}

fn write_project(project: &Path, lists: &str, source: &str) -> Result<()> {
    fs::create_dir_all(project).map_err(|error| format!("{}: {error}", project.display()))?;
    let head = "cmake_minimum_required(VERSION 3.22)\nproject(fifty LANGUAGES C)\n";
    write(&project.join("CMakeLists.txt"), format!("{head}{lists}"))?;
    for number in 1..=TARGETS {
        write(&project.join(format!("part{number}.c")), source)?;
    }
    Ok(())
}
