//! Records and manifests whose lines name files elsewhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Call, Kind};
use crate::support::copy;
use crate::world::forged::{self, Words};
use crate::world::*;

/// The ways to name the victim's file in place of our own: relative to the output directory, to the
/// stage and to the working directory.
fn ways(world: &World) -> Vec<(&'static str, Vec<u8>)> {
    let absolute = world.victims.join("hello.ko").to_str().unwrap().to_owned();
    let stage = world.key().join("stage");
    let up = |levels: usize| "../".repeat(levels);
    let depth = stage.strip_prefix(&world.root).unwrap().iter().count();
    vec![
        ("absolute", absolute.clone().into_bytes()),
        ("one up", b"../victims/hello.ko".to_vec()),
        (
            "many up",
            format!("{}victims/hello.ko", up(depth)).into_bytes(),
        ),
        ("down and up", b"sub/../../victims/hello.ko".to_vec()),
        (
            "down many up",
            format!("./sub/../{}victims/hello.ko", up(depth)).into_bytes(),
        ),
        ("over a link", b"away/hello.ko".to_vec()),
        ("with a NUL", [absolute.as_bytes(), b"\0.ko"].concat()),
        ("with escapes", absolute.replace('/', "%/").into_bytes()),
        (
            "with an escaped blank",
            absolute.replace("victims", "victims%s").into_bytes(),
        ),
        ("with two slashes", format!("//{}", absolute).into_bytes()),
        ("the folder itself", b".".to_vec()),
        ("its parent", b"..".to_vec()),
        ("nothing at all", Vec::new()),
        ("endless", b"x/".repeat(1 << 20)),
    ]
}

/// Makes the new text of a file from its text, the words of a product in it, the words of the
/// victim, and the victim's path.
type Change = fn(&Forgery<'_>) -> Vec<u8>;

struct Forgery<'a> {
    text: Vec<u8>,
    product: &'a Words,
    victim: &'a Words,
    way: &'a [u8],
}

impl Forgery<'_> {
    /// Replaces each line that names a file with this ending by the returned lines.
    fn each(&self, end: &str, change: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Vec<u8> {
        forged::lines(&self.text, |line| match forged::names(line, end) {
            true => change(line),
            false => vec![line.to_owned()],
        })
    }

    /// The line with the victim's data. The path of a file with this ending becomes the victim's.
    fn led_away(&self, line: &[u8], end: &str) -> Vec<u8> {
        let line = forged::about(line, self.product, self.victim);
        forged::with_words(&line, &|word| {
            forged::is_path(word, end).then(|| self.way.to_owned())
        })
    }

    /// Adds lines before the last one, which marks the file as complete.
    fn with(&self, lines: &[Vec<u8>]) -> Vec<u8> {
        let mut all: Vec<&[u8]> = self.text.split(|&b| b == b'\n').collect();
        let last = all.iter().rposition(|line| !line.is_empty()).unwrap();
        let at = if all[last] == b"." { last } else { last + 1 };
        for line in lines.iter().rev() {
            all.insert(at, line);
        }
        all.join(&b'\n')
    }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The changes of a record.
const RECORDS: [(&str, Change); 5] = [
    ("a product's line", |f| {
        f.each("hello.ko", |line| vec![f.led_away(line, "hello.ko")])
    }),
    ("another product", |f| {
        f.each("hello.ko", |line| {
            vec![line.to_owned(), f.led_away(line, "hello.ko")]
        })
    }),
    ("a target", |f| {
        f.each("hello.ko", |line| {
            let target = [b"t", &f.led_away(line, "hello.ko")[1..]].concat();
            vec![line.to_owned(), target]
        })
    }),
    ("something elsewhere", |f| f.with(&[join(&[b"e ", f.way])])),
    ("a prerequisite", |f| {
        let lines = [&b"T ? "[..], b"S ? ", b"M ? "].map(|tag| join(&[tag, f.way]));
        f.with(&lines)
    }),
];

/// The changes of a manifest. The added items count as staged, and they do not exist any more.
const MANIFESTS: [(&str, Change); 3] = [
    ("a file", |f| {
        f.each("Kbuild", |line| {
            vec![f.led_away(line, "Kbuild"), line.to_owned()]
        })
    }),
    ("a folder", |f| {
        let folder = f.way.strip_suffix(b"/hello.ko").unwrap_or(f.way);
        let first = f.text.iter().position(|&b| b == b'\n').unwrap() + 1;
        join(&[&f.text[..first], b"D\t", folder, b"\n", &f.text[first..]])
    }),
    ("a link", |f| {
        let first = f.text.iter().position(|&b| b == b'\n').unwrap() + 1;
        join(&[&f.text[..first], b"L to\t", f.way, b"\n", &f.text[first..]])
    }),
];

pub(super) fn kinds(world: &World) -> Vec<Kind> {
    let mut all = Vec::new();
    for (way, path) in ways(world) {
        let often = matches!(way, "absolute" | "one up" | "many up");
        let path: Arc<[u8]> = path.into();
        for (what, change) in RECORDS {
            let name = format!("record, {what}: {way}");
            let kind = forging(name, &["record"], path.clone(), change);
            all.push(if often { kind.always() } else { kind });
        }
        for (what, change) in MANIFESTS {
            let name = format!("manifest, {what}: {way}");
            let kind = forging(name, &["manifest"], path.clone(), change);
            let kind = kind.calls(&[Call::Again, Call::Changed]);
            all.push(if often { kind.always() } else { kind });
        }
    }
    all.extend(of_other_keys(world));
    all.extend(garbage());
    all
}

/// Changes all files with these names.
fn forging(name: String, files: &'static [&str], way: Arc<[u8]>, change: Change) -> Kind {
    let kind = Kind::new(name, "hello.ko", move |w| {
        let away = [w.out.join("away"), w.key().join("stage/away")];
        for link in away {
            symlink(&w.victims, &link).unwrap();
            w.give(&link);
        }
        let (product, victim) = (w.out.join("hello.ko"), w.victims.join("hello.ko"));
        let (product, victim) = (Words::of(&product), Words::of(&victim));
        for path in of_names(w, files) {
            let text = change(&Forgery {
                text: fs::read(&path).unwrap(),
                product: &product,
                victim: &victim,
                way: &way,
            });
            replace(w, &path, &text);
        }
    });
    let kind = kind.or_named(files[0]).or_named("victims");
    // kbuild-rs can only drop the file that contains such a line.
    kind.or_named(".kbuild")
}

fn of_names(world: &World, names: &[&str]) -> Vec<PathBuf> {
    let mut files = world.files();
    files.retain(|rel| names.iter().any(|name| rel.ends_with(name)));
    files.iter().map(|rel| world.out.join(rel)).collect()
}

/// The same file may have other names, which keep the old content.
fn replace(world: &World, path: &Path, text: &[u8]) {
    let mode = fs::metadata(path).unwrap().permissions();
    fs::remove_file(path).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, mode).unwrap();
    world.give(path);
}

/// The same sources' products for another kernel are removed when this kernel's are published.
fn of_other_keys(world: &World) -> Vec<Kind> {
    let key = world.key();
    let name = key.file_name().unwrap().to_str().unwrap();
    // One name has the form of a key, and one does not.
    let other = format!(
        "{}{:016x}",
        &name[..name.len() - 16],
        0x0123_4567_89ab_cdef_u64
    );
    let mut all = Vec::new();
    for (way, path) in ways(world) {
        let other = other.clone();
        let craft = move |w: &World| {
            let to = w.out.join(".kbuild").join(&other);
            copy(&w.key(), &to);
            let rel = w.folder().strip_prefix(w.key()).unwrap().join("record");
            let (product, victim) = (w.out.join("hello.ko"), w.victims.join("hello.ko"));
            let text = RECORDS[1].1(&Forgery {
                text: fs::read(to.join(&rel)).unwrap(),
                product: &Words::of(&product),
                victim: &Words::of(&victim),
                way: &path,
            });
            replace(w, &to.join(rel), &text);
        };
        let name = format!("another kernel's record: {way}");
        let kind = Kind::new(name, "record", craft)
            .or_named("hello.ko")
            .or_named("cdef");
        all.push(kind.calls(&[Call::Clean, Call::Changed]));
    }
    all
}

/// Makes another text from that of a valid file.
type Text = fn(&[u8]) -> Vec<u8>;

/// Files that kbuild-rs never writes.
fn garbage() -> Vec<Kind> {
    let texts: [(&str, Text); 6] = [
        ("empty", |_| Vec::new()),
        ("cut off", |text| text[..text.len() / 2].to_owned()),
        ("of NULs", |text| vec![0; text.len()]),
        ("one line of 16 MiB", |_| vec![b'x'; 16 << 20]),
        ("a million lines", |text| {
            let head = text
                .split_inclusive(|&b| b == b'\n')
                .next()
                .unwrap_or_default();
            [head, &b"e a\n".repeat(1_000_000)].concat()
        }),
        ("not UTF-8", |text| [text, b"\xff\xfe\n\xff"].concat()),
    ];
    let mut all = Vec::new();
    for name in [
        "record",
        "manifest",
        "root",
        "name",
        "prepared",
        "compile_commands",
    ] {
        for (what, make) in texts {
            let craft = move |w: &World| {
                for path in of_names(w, &[name]) {
                    let text = make(&fs::read(&path).unwrap());
                    replace(w, &path, &text);
                }
            };
            all.push(Kind::new(format!("{name} is {what}"), name, craft));
        }
    }
    all
}
