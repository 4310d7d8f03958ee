//! Staged sources and outputs of compilers that are hard links to a victim's file. Every program
//! that writes to one of them in place, compilers included, writes to the victim's file.

use std::path::PathBuf;

use super::places::{SHAPES, Shape, lead_away, put};
use super::{Call, Kind};
use crate::world::*;

pub(super) fn kinds(world: &World) -> Vec<Kind> {
    let key = world.key();
    let stage = key.strip_prefix(&world.out).unwrap().join("stage");
    let mut files = world.files();
    files.retain(|rel| rel.starts_with(&stage));
    files.push(stage.join(".hello.o.d"));
    let mut all = Vec::new();
    for rel in &files {
        for shape in SHAPES {
            let (at, shown) = (rel.clone(), rel.strip_prefix(&stage).unwrap().display());
            let craft = move |w: &World| put(w, &w.out.join(&at), shape);
            let name = rel.file_name().unwrap().to_str().unwrap();
            let kind = Kind::new(format!("staged {shown} is {shape:?}"), name, craft);
            // The file does not contain an object or a list of objects any more.
            let kind = kind.or_named("make").or_named("hello");
            all.push(kind.calls(&[Call::Changed, Call::Again]));
        }
    }
    for shape in [
        Shape::LinkSame,
        Shape::HardSame,
        Shape::LinkNew,
        Shape::Fifo,
    ] {
        // A link to nothing is a target to build, or a missing source.
        let name = format!("everything staged is {shape:?}");
        let kind = all_at_once(name, files.clone(), shape);
        all.push(
            kind.must(Call::Changed)
                .calls(&[Call::Changed, Call::Clean]),
        );
    }
    for same in [false, true] {
        let name = format!("a staged folder is a link away, the same: {same}");
        let at = stage.join("sub");
        let kind = Kind::new(name, "sub", move |w| lead_away(w, &w.out.join(&at), same));
        all.push(
            kind.always()
                .calls(&[Call::Changed, Call::Clean, Call::Target]),
        );
    }
    let everything = world.files();
    let name = "every file of the output directory is one of somebody's";
    let kind = all_at_once(name.to_owned(), everything, Shape::HardSame);
    all.push(
        kind.always()
            .calls(&[Call::Changed, Call::Clean, Call::Ide]),
    );
    all
}

fn all_at_once(name: String, files: Vec<PathBuf>, shape: Shape) -> Kind {
    let kind = Kind::new(name, "hello", move |w| {
        // A fifo has no content.
        for rel in files.iter().filter(|rel| !rel.ends_with("jobs")) {
            put(w, &w.out.join(rel), shape);
        }
    });
    // The faulty path that the program meets first.
    [
        "Kbuild", "stage", "lock", "manifest", "record", "root", "TAG",
    ]
    .into_iter()
    .fold(kind, Kind::or_named)
}
