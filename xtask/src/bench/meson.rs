//! Fifty modules in a Meson project beside fifty shared libraries in another: set up, and built
//! again with nothing to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, packages};

use super::cmake::compare;
use super::measure::measure;
use super::{Row, Setup, fresh, scratch, write};
use crate::{Result, exec};

const TARGETS: usize = 50;

/// Only the last one builds, because all of them write the same files for Ninja.
const VERSIONS: [&str; 2] = ["1.0", "newest"];

/// A null build takes some milliseconds. Many runs are needed, because other work of the machine
/// would distort one.
const NULL_BUILDS: usize = 8;

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    packages::install(&["ninja-build"])?;
    let scratch = scratch()?;
    let sides = [
        Side::modules(scratch.path(), setup)?,
        Side::libraries(scratch.path())?,
    ];
    let mut rows = Vec::new();
    for version in VERSIONS {
        let meson = start(scratch.path(), version)?;
        for side in &sides {
            // One Meson cannot use another's build folder.
            fresh(&side.build_dir())?;
            measure(&mut side.setup(&meson))?;
        }
        rows.extend(compare(
            &format!("{TARGETS} modules, Meson {version}, setup"),
            1.5,
            setup.runs,
            sides.each_ref().map(|side| {
                let mut again = side.setup(&meson);
                again.arg("--wipe");
                again
            }),
        )?);
    }
    for side in &sides {
        measure(&mut side.first_build())?;
        measure(&mut side.ninja())?;
    }
    rows.extend(compare(
        &format!("{TARGETS} modules, Meson, null build"),
        1.2,
        setup.runs * NULL_BUILDS,
        sides.each_ref().map(Side::ninja),
    )?);
    Ok(rows)
}

/// Writes a script that starts a Meson with the module, as pip installs both.
fn start(scratch: &Path, version: &str) -> Result<PathBuf> {
    let script = scratch.join(format!("meson-{version}.py"));
    let text = format!(
        "import site, sys\n\
         site.addsitedir({:?})\n\
         sys.path.insert(0, {:?})\n\
         from mesonbuild.mesonmain import main\n\
         sys.exit(main())\n",
        exec::root().join("meson-module"),
        lab::meson(version)?,
    );
    write(&script, text)?;
    Ok(script)
}

/// A project, and the folders of its programs.
struct Side {
    project: PathBuf,
    path: String,
    /// A folder that must not be written to during the build.
    read_only: Option<PathBuf>,
}

impl Side {
    /// The project with modules. Its user cannot write to the kernel tree, as with a packaged one.
    fn modules(scratch: &Path, setup: &Setup) -> Result<Side> {
        let text = fs::read_to_string(exec::root().join("examples/cargo-hello/module/hello.c"));
        let text = text.map_err(|error| format!("hello.c: {error}"))?;
        let project = scratch.join("modules");
        let kernel = &setup.kernel;
        let cc = kernel.cc.iter().map(|cc| format!(", cc: '{cc}'"));
        let lists = format!(
            "kbuild = import('kbuild')\n\
             kernel = kbuild.kernel(dir: '{}'{})\n\
             foreach number : range({TARGETS})\n  \
               kbuild.module('part@0@'.format(number), 'part@0@.c'.format(number), kernel: kernel)\n\
             endforeach\n",
            kernel.kdir.display(),
            cc.collect::<String>(),
        );
        write_project(&project, &lists, &text)?;
        let program = setup.program.parent().unwrap_or(&setup.program);
        let path = std::env::var("PATH").unwrap_or_default();
        Ok(Side {
            project,
            path: format!("{}:{path}", program.display()),
            read_only: Some(kernel.kdir.clone()),
        })
    }

    fn libraries(scratch: &Path) -> Result<Side> {
        let project = scratch.join("libraries");
        let lists = format!(
            "foreach number : range({TARGETS})\n  \
               shared_library('part@0@'.format(number), 'part@0@.c'.format(number))\n\
             endforeach\n"
        );
        let text = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\
                    int part(void);\nint part(void) { return puts(\"part\"); }\n";
        write_project(&project, &lists, text)?;
        Ok(Side {
            project,
            path: std::env::var("PATH").unwrap_or_default(),
            read_only: None,
        })
    }

    fn build_dir(&self) -> PathBuf {
        self.project.join("build")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", &self.path);
        command
    }

    fn setup(&self, meson: &Path) -> Command {
        let mut command = self.command("python3");
        command.arg(meson).arg("setup");
        command.arg(self.build_dir()).arg(&self.project);
        command
    }

    fn first_build(&self) -> Command {
        let mut command = match &self.read_only {
            Some(folder) => {
                let script =
                    "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
                let mut unshare = self.command("unshare");
                unshare.arg("--mount");
                if !packages::is_root() {
                    unshare.arg("--map-root-user");
                }
                unshare.args(["sh", "-c", script]).arg(folder).arg("ninja");
                unshare
            }
            None => self.command("ninja"),
        };
        command.arg("-C").arg(self.build_dir());
        command
    }

    fn ninja(&self) -> Command {
        let mut command = self.command("ninja");
        command.arg("-C").arg(self.build_dir());
        command
    }
}

fn write_project(project: &Path, lists: &str, source: &str) -> Result<()> {
    fs::create_dir_all(project).map_err(|error| format!("{}: {error}", project.display()))?;
    let head = "project('fifty', 'c', meson_version: '>=1.0')\n";
    write(&project.join("meson.build"), format!("{head}{lists}"))?;
    for number in 0..TARGETS {
        write(&project.join(format!("part{number}.c")), source)?;
    }
    Ok(())
}
