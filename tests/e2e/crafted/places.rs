//! Other kinds of files in the places of our files and folders.

use std::fs;
use std::os::unix::fs::{lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Call, Kind};
use crate::support::copy;
use crate::world::*;

/// The replacement of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A link to the victim's file.
    Link,
    /// A link to the victim's file, which has the original content.
    LinkSame,
    /// A link to a file that does not exist yet.
    LinkNew,
    /// The victim's file itself, under another name.
    Hard,
    /// The same, and it has the original content.
    HardSame,
    Fifo,
    /// A folder that is not empty.
    Folder,
}

pub(super) const SHAPES: [Shape; 7] = [
    Shape::Link,
    Shape::LinkSame,
    Shape::LinkNew,
    Shape::Hard,
    Shape::HardSame,
    Shape::Fifo,
    Shape::Folder,
];

/// Puts the shape at `path` and replaces the file there.
pub(super) fn put(world: &World, path: &Path, shape: Shape) {
    let victim = world.victims.join("file");
    // Each has its own name, so that several can exist at once.
    let name = path.strip_prefix(&world.root).unwrap_or(path);
    let name = name.to_string_lossy().replace('/', "-");
    let same = world.victims.join(format!("same-{name}"));
    if matches!(shape, Shape::LinkSame | Shape::HardSame) {
        match path.is_file() {
            true => drop(fs::copy(path, &same).unwrap()),
            false => fs::write(&same, "").unwrap(),
        }
        world.give(&same);
    }
    remove_any(path);
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        fs::create_dir_all(parent).unwrap();
        world.give(parent);
    }
    match shape {
        Shape::Link => symlink(&victim, path).unwrap(),
        Shape::LinkSame => symlink(&same, path).unwrap(),
        Shape::LinkNew => symlink(world.victims.join(format!("new-{name}")), path).unwrap(),
        Shape::Hard => fs::hard_link(&victim, path).unwrap(),
        Shape::HardSame => fs::hard_link(&same, path).unwrap(),
        Shape::Fifo => fifo(path),
        Shape::Folder => {
            fs::create_dir(path).unwrap();
            fs::write(path.join("mine"), "mine\n").unwrap();
        }
    }
    world.give(path);
}

fn fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// Replaces a folder by a link to the victim's folder. With `same`, that folder has the original
/// contents.
pub(super) fn lead_away(world: &World, path: &Path, same: bool) {
    let mut to = world.victims.join("dir");
    if same {
        to = world.victims.join("folder");
        fs::rename(path, &to).unwrap();
    }
    remove_any(path);
    symlink(to, path).unwrap();
    world.give(path);
}

fn write(world: &World, path: &Path, text: &str) {
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        fs::create_dir_all(parent).unwrap();
        world.give(parent);
    }
    fs::write(path, text).unwrap();
    world.give(path);
}

/// Returns a path in the output directory.
type Place = fn(&World) -> PathBuf;

const PRIVATE: Place = |w| w.out.join(".kbuild");

/// Our folders, from the outside in.
const FOLDERS: [(&str, Place); 7] = [
    (".kbuild", PRIVATE),
    ("the key", |w| w.key()),
    ("stage", |w| w.key().join("stage")),
    ("folders", |w| w.key().join("folders")),
    ("the module folder's", |w| w.folder()),
    ("flags", |w| w.folder().join("flags")),
    ("inc", |w| w.folder().join("inc")),
];

fn last(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

pub(super) fn kinds(world: &World) -> Vec<Kind> {
    let mut all = the_private_folder(world);
    all.extend(keys(world));
    let symvers: (&str, Place) = ("symvers", |w| w.folder().join("symvers"));
    for (what, place) in FOLDERS.into_iter().chain([symvers]) {
        let culprit = last(&place(world));
        for same in [false, true] {
            let theirs = if same { "that holds the same" } else { "" };
            let name = format!("{what} is a link to somebody's folder {theirs}");
            let craft = move |w: &World| lead_away(w, &place(w), same);
            all.push(Kind::new(name, &culprit, craft).always());
        }
        for shape in [Shape::Link, Shape::Fifo, Shape::LinkNew] {
            let name = format!("{what} is {shape:?}");
            let craft = move |w: &World| put(w, &place(w), shape);
            all.push(Kind::new(name, &culprit, craft));
        }
        if is_root() {
            let craft = move |w: &World| lchown(place(w), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
            let name = format!("{what} belongs to somebody else");
            all.push(Kind::new(name, &culprit, craft));
        }
    }
    all.extend(files(world));
    all.extend(temporary_names(world));
    all
}

fn the_private_folder(world: &World) -> Vec<Kind> {
    let link = |to: &'static str| {
        Kind::new(format!(".kbuild -> {to}"), ".kbuild", move |w| {
            remove_any(&PRIVATE(w));
            symlink(to, PRIVATE(w)).unwrap();
            w.give(&PRIVATE(w));
        })
    };
    let tagged = |name: &str, tag: Option<&'static str>| {
        let craft = move |w: &World| {
            remove_any(&PRIVATE(w));
            write(w, &PRIVATE(w).join("config/settings"), "mine\n");
            write(w, &PRIVATE(w).join("notes"), "mine\n");
            if let Some(tag) = tag {
                write(w, &PRIVATE(w).join("CACHEDIR.TAG"), tag);
            }
        };
        Kind::new(name, ".kbuild", craft).guards(".kbuild").always()
    };
    let cargos = "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory \
                  tag created by cargo.\n";
    let key = last(&world.key());
    vec![
        link("../victims/dir").always(),
        link("..").always(),
        link("."),
        tagged("a .kbuild without a tag", None),
        tagged("a .kbuild with another program's tag", Some(cargos)),
        tagged("a .kbuild with an empty tag", Some("")),
        Kind::new("a tag that leads to one", "CACHEDIR.TAG", |w| {
            put(w, &PRIVATE(w).join("CACHEDIR.TAG"), Shape::LinkSame);
        }),
        Kind::new("files of the user's beside the keys", "notes", |w| {
            write(w, &PRIVATE(w).join("notes"), "mine\n");
        })
        .or_named(&key)
        .guards(".kbuild/notes"),
    ]
}

/// Folders in the private folder that are not ours.
fn keys(world: &World) -> Vec<Kind> {
    let mut all = Vec::new();
    let key = last(&world.key());
    for name in [
        "precious",
        "x",
        "a-1",
        "..x",
        "new\nline",
        "-rf",
        "source-zzzzzzzzzzzzzzzz",
    ] {
        let path = format!(".kbuild/{name}");
        let at = path.clone();
        let craft = move |w: &World| write(w, &w.out.join(&at).join("sub/notes"), "mine\n");
        let kind = Kind::new(format!("a folder called {name:?}"), name, craft).guards(path);
        let kind = kind.or_named("new\\nline");
        all.push(if name == "precious" {
            kind.always()
        } else {
            kind
        });
    }
    // The folder contains the names that the program looks for.
    let craft = |w: &World| {
        copy(&w.key(), &PRIVATE(w).join("precious"));
    };
    all.push(Kind::new("a copy of the key", "precious", craft).guards(".kbuild/precious"));
    let craft = |w: &World| {
        let away = w.victims.join("key");
        fs::rename(w.key(), &away).unwrap();
        let other = format!("{}0", &last(&w.key())[..last(&w.key()).len() - 1]);
        symlink(away, PRIVATE(w).join(other)).unwrap();
    };
    all.push(Kind::new("a link in the form of a key", &key[..key.len() - 1], craft).always());
    // `clean` searches the folders of an output directory for builds for several kernels.
    let craft = |w: &World| {
        w.cast(&w.victims.join("another"));
        symlink(w.victims.join("another"), w.out.join("6.1")).unwrap();
        w.give(&w.out.join("6.1"));
    };
    all.push(Kind::new("a link to another output directory", "6.1", craft).always());
    all
}

/// Each private file in each shape. Another test covers the staged files.
fn files(world: &World) -> Vec<Kind> {
    let mut files = world.files();
    files.retain(|rel| rel.starts_with(".kbuild") && !rel.iter().any(|part| part == "stage"));
    let key = world.key();
    let key = key.strip_prefix(&world.out).unwrap();
    files.extend([key.join("running"), key.join("stage.old")]);
    let often = [
        "lock",
        "publish.lock",
        "jobs.lock",
        "running",
        "record",
        "manifest",
        "root",
    ];
    let mut all = Vec::new();
    for rel in files {
        let name = last(&rel);
        for shape in SHAPES {
            let at = rel.clone();
            let shown = at.strip_prefix(".kbuild").unwrap().display().to_string();
            let craft = move |w: &World| put(w, &w.out.join(&at), shape);
            let mut kind = Kind::new(format!("{shown} is {shape:?}"), &name, craft);
            if often.contains(&name.as_str()) && matches!(shape, Shape::Link | Shape::Fifo) {
                kind = kind.always();
            }
            all.push(kind);
        }
    }
    all
}

/// All possible names of temporary files at once.
fn temporary_names(world: &World) -> Vec<Kind> {
    let mut all = Vec::new();
    for shape in SHAPES {
        let files = world.files();
        let craft = move |w: &World| {
            for rel in &files {
                let (path, name) = (w.out.join(rel), last(rel));
                for end in ["part", "tmp", "new"] {
                    put(w, &path.with_file_name(format!("{name}.{end}")), shape);
                    put(w, &path.with_file_name(format!(".{name}.{end}")), shape);
                }
            }
        };
        let kind = Kind::new(format!("every temporary name is {shape:?}"), ".part", craft);
        let kind = kind.or_named(".tmp").or_named(".new");
        let often = matches!(shape, Shape::Link | Shape::Hard | Shape::LinkNew);
        all.push(match often {
            true => kind.must(Call::Changed).calls(&[Call::Changed]),
            false => kind.calls(&[Call::Changed]),
        });
    }
    all
}
