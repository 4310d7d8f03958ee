//! Arguments of CMake's and Meson's projects, with the real programs.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Place, Trial, World};
use crate::plain::HELLO;
use crate::torture::files::write;
use crate::{Result, lab};

pub(super) fn places() -> Vec<Place> {
    vec![Place::new("CMake", 1, cmake), Place::new("Meson", 1, meson)]
}

/// The folder of the workspace.
fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// A project's folders: the payload is the name of the source folder, of the build folder, or a value.
fn folders(world: &World) -> (PathBuf, PathBuf) {
    match world.choice % 4 {
        0 => (world.named("in", ""), world.at("out/build")),
        1 => (world.at("in/project"), world.named("out", "")),
        _ => (world.at("in/project"), world.at("out/build")),
    }
}

/// The program behind a build system.
fn through(mut command: Command, world: &World) -> Trial {
    command
        .env("HOME", world.at("home"))
        .env("XDG_CACHE_HOME", world.at("home/cache"))
        .env("TMPDIR", world.at("home/tmp"));
    let mut trial = Trial::new(command);
    trial.ours = false;
    trial.names_value = false;
    trial
}

/// In a real project, a value comes from `-DVALUE=…`, so that it is no code of CMake's.
fn cmake(world: &World) -> Result<Trial> {
    let keywords = [
        "COMPILE_DEFINITIONS",
        "COMPILE_OPTIONS",
        "INCLUDE_DIRECTORIES",
        "MAKE_VARIABLES",
        "ENVIRONMENT",
        "CONFIG",
        "EXTRA_WARNINGS",
        "KERNEL",
    ];
    let keyword = keywords[(world.choice / 4 % keywords.len() as u64) as usize];
    let lead = match keyword {
        "COMPILE_DEFINITIONS" | "MAKE_VARIABLES" | "ENVIRONMENT" => "GIVEN=",
        _ => "",
    };
    let text = format!(
        "cmake_minimum_required(VERSION 3.19)\nproject(torture LANGUAGES NONE)\n\
         add_subdirectory({module:?} cmake-module)\n\
         kbuild_add_module(hello hello.c {keyword} \"{lead}${{VALUE}}\")\n",
        module = workspace().join("cmake-module"),
    );
    let (source, build) = folders(world);
    write(&source.join("CMakeLists.txt"), text)?;
    write(&source.join("hello.c"), HELLO)?;
    let mut command = Command::new(lab::cmake("newest")?);
    world.surround(&mut command);
    command.arg("-S").arg(&source).arg("-B").arg(&build);
    command.arg(assigned("-DKbuild_EXECUTABLE=", world.ground.path()));
    command.arg(assigned("-DKDIR=", &world.ground.kernel.kdir));
    let cc = world.ground.kernel.cc.iter();
    command.args(cc.map(|cc| format!("-DKbuild_CC={cc}")));
    if world.choice % 4 > 1 {
        command.arg(world.payload.after("-DVALUE:STRING="));
    }
    Ok(through(command, world))
}

fn meson(world: &World) -> Result<Trial> {
    let keywords = [
        "defines",
        "c_args",
        "make_variables",
        "env",
        "exclude",
        "extra_warnings",
    ];
    let keyword = keywords[(world.choice / 4 % keywords.len() as u64) as usize];
    let value = match keyword {
        "defines" | "make_variables" | "env" => "['GIVEN=' + value]",
        "extra_warnings" => "value",
        _ => "[value]",
    };
    let text = format!(
        "project('torture', meson_version: '>=1.0')\nkbuild = import('kbuild')\n\
         value = get_option('value')\nkbuild.module('hello', 'hello.c', {keyword}: {value})\n"
    );
    let (source, build) = folders(world);
    write(&source.join("meson.build"), text)?;
    write(
        &source.join("meson_options.txt"),
        "option('value', type: 'string', value: '2')\n",
    )?;
    write(&source.join("hello.c"), HELLO)?;
    let start = format!(
        "import site, sys\nsite.addsitedir({module:?})\nsys.path.insert(0, {meson:?})\n\
         from mesonbuild.mesonmain import main\nsys.exit(main())\n",
        module = workspace().join("meson-module"),
        meson = lab::meson("newest")?,
    );
    write(&world.at("bin/meson.py"), start)?;
    let program = world.at("bin/kbuild-rs");
    std::os::unix::fs::symlink(world.ground.path(), &program).map_err(|error| error.to_string())?;
    let mut command = Command::new("python3");
    world.surround(&mut command);
    command.env("KDIR", &world.ground.kernel.kdir);
    if let Some(cc) = &world.ground.kernel.cc {
        command.env("KBUILD_RS_CC", cc);
    }
    command.arg(world.at("bin/meson.py")).arg("setup");
    command.arg(&build).arg(&source);
    // Meson reads the command line as text.
    if world.choice % 4 > 1 && std::str::from_utf8(world.payload.text().as_bytes()).is_ok() {
        command.arg(world.payload.after("-Dvalue="));
    }
    Ok(through(command, world))
}

fn assigned(lead: &str, path: &Path) -> OsString {
    let mut word = OsString::from(lead);
    word.push(path);
    word
}
