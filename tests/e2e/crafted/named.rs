//! Files that other programs read, in the output directory and at the paths in flags.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::places::{SHAPES, Shape, put};
use super::{Call, Kind};
use crate::world::*;

/// The files that flags name.
const NAMED: [&str; 6] = [
    "copy.ko",
    "hello.symvers",
    "depfile.d",
    "stamp",
    "project.json",
    "project.record",
];

/// A build with all of these flags.
pub(super) fn command(world: &World) -> Command {
    let [module, symvers, depfile, stamp, project, record] =
        NAMED.map(|name| world.root.join("named").join(name));
    let mut command = world.build(&[]);
    let flags = ["--output", "--output", "--depfile", "--stamp"];
    for (flag, path) in flags.iter().zip([module, symvers, depfile, stamp]) {
        command.arg(flag).arg(path);
    }
    command.arg("--compile-commands").arg(project);
    command.arg("--compile-commands-record").arg(record);
    command
}

pub(super) fn kinds(_: &World) -> Vec<Kind> {
    let mut all = Vec::new();
    let public = [
        "hello.ko",
        "source.symvers",
        "compile_commands.json",
        "rust-project.json",
    ];
    for name in public {
        for shape in SHAPES {
            let craft = move |w: &World| put(w, &w.out.join(name), shape);
            let kind = Kind::new(format!("OUT/{name} is {shape:?}"), name, craft);
            let often = name == "hello.ko" && shape != Shape::LinkNew;
            all.push(if often { kind.always() } else { kind });
        }
    }
    for name in NAMED {
        for shape in SHAPES {
            let craft = move |w: &World| put(w, &w.root.join("named").join(name), shape);
            let kind = Kind::new(
                format!("the file {name} that a flag names is {shape:?}"),
                name,
                craft,
            );
            let kind = kind.calls(&[Call::Named]);
            let often = matches!(shape, Shape::Link | Shape::Hard | Shape::Fifo);
            all.push(if often { kind.always() } else { kind });
        }
    }
    for name in ["compile_commands.json", "rust-project.json"] {
        for shape in SHAPES {
            let craft = move |w: &World| put(w, &w.root.join("cwd").join(name), shape);
            let kind = Kind::new(format!("an editor's {name} is {shape:?}"), name, craft);
            all.push(kind.calls(&[Call::Ide]));
        }
    }
    let craft = |w: &World| {
        symlink(w.victims.join("dir"), w.out.join("sub")).unwrap();
        w.give(&w.out.join("sub"));
    };
    let kind = Kind::new("OUT/sub leads away", "sub", craft);
    all.push(kind.must(Call::Target).calls(&[Call::Target, Call::Clean]));
    for shape in SHAPES {
        let craft = move |w: &World| put(w, &w.out.join("sub/other.o"), shape);
        let kind = Kind::new(format!("OUT/sub/other.o is {shape:?}"), "other.o", craft);
        all.push(kind.calls(&[Call::Target]));
    }
    // A file outside of the products belongs to the user.
    let craft = |w: &World| {
        fs::create_dir(w.out.join("sub")).unwrap();
        fs::write(w.out.join("sub/mine"), "mine\n").unwrap();
        w.give(&w.out.join("sub"));
    };
    all.push(Kind::new("OUT/sub is the user's", "sub", craft).guards("sub/mine"));
    all
}
