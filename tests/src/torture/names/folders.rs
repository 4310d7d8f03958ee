//! Folders and files that a call names, and files in them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Place, Trial, World, word};
use crate::Result;
use crate::plain::HELLO;
use crate::torture::files::{at, make_folder, write};

pub(super) fn places() -> Vec<Place> {
    vec![
        Place::new("source folder", 4, source),
        Place::new("output directory", 4, out),
        Place::new("kernel path", 3, kernel),
        Place::new("source file", 4, source_file),
        Place::new("a long path", 2, long),
        Place::new("files in the tree", 4, tree_files),
        Place::new("include in a Kbuild", 2, kbuild_include),
        Place::new("include folder", 3, include),
        Place::new("tree root", 2, tree_root),
        Place::new("symvers", 2, symvers),
        Place::new("named products", 3, named_products),
        Place::new("working directory", 2, working_directory),
        Place::new("response file", 2, response_file),
    ]
}

fn source(world: &World) -> Result<Trial> {
    let (source, out) = (world.named("in", ""), world.at("out"));
    world.tree(&source)?;
    let mut command = world.build(&out)?;
    let shown = world.show(&mut command, &source);
    command.arg("--").arg(shown);
    Ok(world.hello(command, &out))
}

fn out(world: &World) -> Result<Trial> {
    let (source, out) = (world.at("in/tree"), world.named("out", ""));
    world.tree(&source)?;
    let mut command = world.ground.program("build", &world.at("home"))?;
    world.surround(&mut command);
    let shown = world.show(&mut command, &out);
    let kernel = &world.ground.kernel;
    command.arg("--kernel").arg(&kernel.kdir).arg(source);
    command.args(kernel.cc.iter().map(|cc| format!("--cc={cc}")));
    command.arg(word("--out-dir=", &shown));
    if !world.slow {
        command.arg("--dry-run");
    }
    Ok(world.hello(command, &out))
}

fn kernel(world: &World) -> Result<Trial> {
    let link = world.named("in", "");
    symlink(&world.ground.kernel.kdir, &link).map_err(at(&link))?;
    let (source, out) = (world.at("in/a tree"), world.at("out"));
    world.tree(&source)?;
    let verb = if world.choice % 4 == 0 {
        "kernels"
    } else {
        "build"
    };
    let mut command = world.verb(verb)?;
    let shown = match world.relative {
        // A name without a slash may be a release.
        true => PathBuf::from("../in").join(world.payload.file("")),
        false => link,
    };
    if verb == "kernels" {
        command.arg("--").arg(shown);
        return Ok(Trial::new(command));
    }
    command.args(world.ground.kernel.cc.iter().map(|cc| format!("--cc={cc}")));
    command.arg(word("--kernel=", &shown)).arg(source);
    command.arg("--out-dir").arg(&out);
    if !world.slow {
        command.arg("--dry-run");
    }
    Ok(world.hello(command, &out))
}

fn source_file(world: &World) -> Result<Trial> {
    let (source, out) = (world.named("in", ".c"), world.at("out"));
    write(&source, HELLO)?;
    let mut command = world.build(&out)?;
    let shown = world.show(&mut command, &source);
    command.args(["--name", "hello", "--"]).arg(shown);
    Ok(world.hello(command, &out))
}

/// A path that is almost as long as a path can be.
fn long(world: &World) -> Result<Trial> {
    let name = world.payload.file("");
    let length = 3000 + (world.choice % 1090) as usize;
    let mut folder = world.at("in");
    while folder.as_os_str().len() + name.len() + 1 < length {
        folder.push(&name);
    }
    let rest = length
        .saturating_sub(folder.as_os_str().len() + 1)
        .clamp(1, 200);
    folder.push("x".repeat(rest));
    world.tree(&folder)?;
    let out = match world.choice / 1090 % 2 {
        0 => world.at("out"),
        _ => world
            .at("out")
            .join(folder.strip_prefix(world.at("in")).unwrap_or(&folder)),
    };
    let mut command = world.build(&out)?;
    command.arg(&folder);
    Ok(world.hello(command, &out))
}

fn tree_files(world: &World) -> Result<Trial> {
    let (tree, out) = (world.at("in/tree"), world.at("out"));
    let name = world.payload.file("");
    let file = tree.join("beside").join(&name);
    match world.choice % 3 {
        0 => write(&file, "text\n")?,
        1 => write(&file.join("within"), "text\n")?,
        _ => {
            make_folder(&tree.join("beside"))?;
            symlink(world.payload.text(), &file).map_err(at(&file))?;
        }
    }
    world.tree(&tree)?;
    let mut command = world.build(&out)?;
    command.arg(&tree);
    Ok(world.hello(command, &out))
}

/// The text of a Makefile is code for make. Nothing runs it before make starts.
fn kbuild_include(world: &World) -> Result<Trial> {
    let tree = world.at("in/tree");
    world.tree(&tree)?;
    let lead = *[
        "include $(src)/",
        "-include ",
        "obj-m += ",
        "hello-y := ",
        "ccflags-y += ",
        "X := ",
        "ifeq ($(X),",
        "$(info ",
    ]
    .get((world.choice % 8) as usize)
    .unwrap_or(&"");
    let mut text = b"obj-m := hello.o\n".to_vec();
    text.extend_from_slice(world.payload.after(lead).as_bytes());
    text.push(b'\n');
    write(&tree.join("Kbuild"), text)?;
    let verb = ["build", "ide", "clean"][(world.choice / 8 % 3) as usize];
    let mut command = world.verb(verb)?;
    command.arg("--out-dir").arg(world.at("out")).arg(&tree);
    if verb != "clean" {
        command.arg("--kernel").arg(&world.ground.kernel.kdir);
        command.arg("--dry-run");
        command.args(world.ground.kernel.cc.iter().map(|cc| format!("--cc={cc}")));
    }
    Ok(Trial::new(command))
}

fn include(world: &World) -> Result<Trial> {
    let (headers, out) = (world.named("in", ""), world.at("out"));
    write(
        &headers.join("greeting.h"),
        "#define GREETING \"the header was found\"\n",
    )?;
    let source = world.at("in/header.c");
    let text =
        format!("{HELLO}\n#include <greeting.h>\nstatic const char g[] __used = GREETING;\n");
    write(&source, text)?;
    let mut command = world.build(&out)?;
    let shown = world.show(&mut command, &headers);
    command
        .arg(word("-I", &shown))
        .args(["--name", "hello", "--"])
        .arg(&source);
    Ok(world.module(command, &out, "hello", b"the header was found".to_vec()))
}

fn tree_root(world: &World) -> Result<Trial> {
    let (root, out) = (world.named("in", ""), world.at("out"));
    world.tree(&root.join("module"))?;
    let mut command = world.build(&out)?;
    let shown = world.show(&mut command, &root);
    command
        .arg(word("--tree-root=", &shown))
        .arg(root.join("module"));
    Ok(world.hello(command, &out))
}

fn symvers(world: &World) -> Result<Trial> {
    let (symvers, out) = (world.named("in", ""), world.at("out"));
    let line = "0x12345678\tgiven_symbol\tgiven\tEXPORT_SYMBOL\t\n";
    let tree = world.at("in/a tree");
    write(&symvers, line)?;
    world.tree(&tree)?;
    let mut command = world.build(&out)?;
    let shown = world.show(&mut command, &symvers);
    command.arg(word("--symvers=", &shown)).arg(tree);
    Ok(world.hello(command, &out))
}

/// Flags that name a file which is written.
fn named_products(world: &World) -> Result<Trial> {
    let (out, tree) = (world.at("out/o"), world.at("in/tree"));
    world.tree(&tree)?;
    let mut command = world.build(&out)?;
    let flag = ["--depfile=", "--stamp=", "--output=", "--pool-dir="][(world.choice % 4) as usize];
    let named = match flag {
        "--output=" => world
            .at("out")
            .join(world.payload.file(""))
            .join("hello.ko"),
        _ => world.named("out", ""),
    };
    let shown = match flag {
        "--output=" => named.clone(),
        _ => world.show(&mut command, &named),
    };
    command.arg(word(flag, &shown)).arg(tree);
    // make cannot carry each pool's path: it is in the cache folder then.
    let slow = world.slow && flag != "--pool-dir=";
    Ok(world
        .hello(command, &out)
        .then(move |_| match slow && !named.exists() {
            true => Err(format!("{} is missing", named.display())),
            false => Ok(()),
        }))
}

fn working_directory(world: &World) -> Result<Trial> {
    let (folder, out) = (world.named("out", ""), world.at("out/o"));
    world.tree(&world.at("in/tree"))?;
    make_folder(&folder)?;
    let mut command = world.build(&out)?;
    command.current_dir(&folder).arg("../../in/tree");
    Ok(world.hello(command, &out))
}

/// A file with arguments, one a line.
fn response_file(world: &World) -> Result<Trial> {
    let file = world.named("in", "");
    world.tree(&world.at("in"))?;
    let mut lines = b"build\n--dry-run\n--out-dir\n".to_vec();
    lines.extend_from_slice(world.at("out").as_os_str().as_bytes());
    lines.push(b'\n');
    if world.choice % 2 == 0 {
        lines.extend_from_slice(world.payload.bytes());
    }
    fs::write(&file, lines).map_err(at(&file))?;
    let mut command = match world.relative {
        true => world.verb(word("@", Path::new(&world.payload.file(""))))?,
        false => world.verb(word("@", &file))?,
    };
    command.current_dir(world.at("in"));
    command.arg("--kernel").arg(&world.ground.kernel.kdir);
    let mut trial = Trial::new(command);
    // A message names the line or the letter that is no flag.
    trial.names_value = world.choice % 2 != 0;
    Ok(trial)
}
