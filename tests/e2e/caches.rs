//! Our folders outside of the output directory, in a cache folder or a pool: another user's folders
//! are not used, and nothing is left in them.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::run;
use kbuild_tests::scope;

use crate::scene::kernel_at;
use crate::support::*;
use crate::world::looks;
use crate::world::*;
use kbuild_tests::random::Random;

/// A way in which the environment names folders that the caller must not use.
struct Kind {
    name: &'static str,
    /// Prepares the case below the world's `home`, and returns variables.
    craft: fn(&World) -> Vec<(&'static str, PathBuf)>,
}

pub(crate) fn home(world: &World) -> PathBuf {
    world.root.join("home")
}

/// The place of our cache folder in the home.
fn cache(world: &World) -> PathBuf {
    home(world).join(".cache/kbuild-rs")
}

pub(crate) fn make(world: &World, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    world.give(&home(world));
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn belongs_to_somebody(path: &Path) {
    give_to(SOMEBODY, path);
}

/// The password file still names the user's own home, unless the test says otherwise.
const CACHES: &[Kind] = &[
    Kind {
        name: "HOME is somebody else's",
        craft: |w| {
            make(w, &home(w).join(".cache"));
            belongs_to_somebody(&home(w));
            set_mode(&home(w), 0o777);
            set_mode(&home(w).join(".cache"), 0o777);
            vec![]
        },
    },
    Kind {
        name: "XDG_CACHE_HOME is somebody else's",
        craft: |w| {
            make(w, &home(w).join("other"));
            belongs_to_somebody(&home(w).join("other"));
            set_mode(&home(w).join("other"), 0o777);
            vec![("XDG_CACHE_HOME", home(w).join("other"))]
        },
    },
    Kind {
        name: "XDG_CACHE_HOME does not exist, in somebody else's folder",
        craft: |w| {
            make(w, &home(w).join("other"));
            belongs_to_somebody(&home(w).join("other"));
            set_mode(&home(w).join("other"), 0o777);
            vec![("XDG_CACHE_HOME", home(w).join("other/below/cache"))]
        },
    },
    Kind {
        name: "the folder is a link to another",
        craft: |w| {
            make(w, &home(w).join(".cache"));
            symlink(w.victims.join("dir"), cache(w)).unwrap();
            w.give(&cache(w));
            vec![]
        },
    },
    Kind {
        name: "the folder is a link to nothing",
        craft: |w| {
            make(w, &home(w).join(".cache"));
            symlink(w.victims.join("new"), cache(w)).unwrap();
            w.give(&cache(w));
            vec![]
        },
    },
    Kind {
        name: "anybody may write to the folder",
        craft: |w| {
            make(w, &cache(w));
            set_mode(&cache(w), 0o777);
            vec![]
        },
    },
    Kind {
        name: "a group may write to the folder",
        craft: |w| {
            make(w, &cache(w));
            lchown(cache(w), None, Some(SOMEBODY)).unwrap();
            set_mode(&cache(w), 0o770);
            vec![]
        },
    },
    Kind {
        name: "anybody may write to what it lies in",
        craft: |w| {
            make(w, &cache(w));
            set_mode(&home(w).join(".cache"), 0o777);
            vec![]
        },
    },
    Kind {
        name: "the folder is somebody else's",
        craft: |w| {
            make(w, &cache(w));
            belongs_to_somebody(&cache(w));
            set_mode(&cache(w), 0o777);
            vec![]
        },
    },
    Kind {
        name: "the folder is a file",
        craft: |w| {
            make(w, &home(w).join(".cache"));
            fs::write(cache(w), "mine\n").unwrap();
            w.give(&cache(w));
            vec![]
        },
    },
    Kind {
        name: "what it lies in is a link to nothing",
        craft: |w| {
            symlink(w.victims.join("new"), home(w).join(".cache")).unwrap();
            w.give(&home(w).join(".cache"));
            vec![]
        },
    },
    Kind {
        name: "XDG_CACHE_HOME is relative",
        craft: |w| {
            let own = w.scratch().join("own");
            vec![("XDG_CACHE_HOME", "../victims".into()), ("HOME", own)]
        },
    },
];

type Spoil = fn(&World, &Path);

/// The cases inside the folder itself, after a build has created it.
const INNER: &[(&str, Spoil)] = &[
    ("a link", |w, folder| {
        let away = w.victims.join("private");
        fs::rename(folder, &away).unwrap();
        symlink(&away, folder).unwrap();
        w.give(folder);
    }),
    ("somebody else's", |_, folder| belongs_to_somebody(folder)),
    ("for anybody to write to", |_, folder| {
        set_mode(folder, 0o777)
    }),
    ("a file", |w, folder| {
        remove_any(folder);
        fs::write(folder, "mine\n").unwrap();
        w.give(folder);
    }),
];

/// Gives a command a password file in which the user has this home.
const WITH_PASSWD: &str = "mount --bind \"$0\" /etc/passwd && exec \"$@\"";

/// Root with another user's environment: the system names root's own home.
fn with_own_home(own: &Path, passwd: &Path, command: &Command) -> Command {
    let text = format!("root:x:0:0:root:{}:/bin/sh\n", own.display());
    fs::write(passwd, text).unwrap();
    let mut namespace = Command::new("unshare");
    namespace
        .args(["--mount", "sh", "-c", WITH_PASSWD])
        .arg(passwd)
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => namespace.env(name, value),
            None => namespace.env_remove(name),
        };
    }
    namespace
}

/// An output directory whose path kbuild cannot carry.
pub(crate) fn out(world: &World) -> PathBuf {
    world.out.join("with blank")
}

/// The faults after a command: changed files, except those in `own`, and an answer that is neither
/// of the two.
pub(crate) fn wrong(
    world: &World,
    command: &mut Command,
    own: &[&Path],
    culprits: &[&str],
) -> Vec<String> {
    let before = world.looks_outside();
    let answer = run::run(command, LIMIT);
    let mut changes = before.changes(&world.looks_outside());
    let is_own = |line: &String| {
        let starts = |path: &&Path| line.starts_with(&*path.to_string_lossy());
        own.iter().any(starts)
    };
    changes.retain(|line| !is_own(line));
    let mut wrong = looks::shortened(&changes);
    match answer {
        Err(error) => wrong.push(format!("HANGS {error}")),
        Ok(output) if output.status.success() => {
            let module = fs::read(out(world).join("hello.ko")).unwrap_or_default();
            let is_clean = command.get_args().any(|arg| arg == "clean");
            if !is_clean && module != world.reference[0] {
                wrong.push("SUCCEEDS without the right module".to_owned());
            }
        }
        Ok(output) => {
            let said = output.err();
            let named = culprits.iter().any(|name| said.contains(name));
            if !matches!(output.status.code(), Some(1 | 2)) || !named || said.contains("panicked") {
                wrong.push(format!("NAMES none of {culprits:?}: {said}"));
            }
        }
    }
    wrong
}

fn nothing_is_left_in_a_folder_of_somebody_else(mut world: World) {
    let mut random = Random::new();
    let turn = random.below(4) as usize;
    let mut table = String::new();
    for (number, kind) in CACHES.iter().enumerate() {
        if !scope::is_full() && (number + turn) % 4 != 0 {
            continue;
        }
        world.restore();
        let variables = (kind.craft)(&world);
        fs::create_dir(out(&world)).unwrap();
        world.give(&out(&world));
        let mut command = world.build_with("build", &out(&world), &[]);
        command.envs(variables);
        // The caller may use its own home.
        let own = world.scratch().join("own");
        remove_any(&own);
        fs::create_dir(&own).unwrap();
        if world.is_of_root() {
            let passwd = world.root.join("tmp/passwd");
            command = with_own_home(&own, &passwd, &command);
        }
        for line in wrong(&world, &mut command, &[&own], &["cache", "home"]) {
            writeln!(table, "{} | {line}", kind.name).unwrap();
        }
    }
    for (number, (name, spoil)) in INNER.iter().enumerate() {
        if !scope::is_full() && (number + turn) % 4 != 0 {
            continue;
        }
        world.restore();
        make(&world, &home(&world).join(".cache"));
        fs::create_dir(out(&world)).unwrap();
        world.give(&out(&world));
        let mut build = world.build_with("build", &out(&world), &[]);
        built(&mut build);
        let folders = fs::read_dir(cache(&world)).unwrap();
        let folders = folders.map(|entry| entry.unwrap().path());
        let folders: Vec<_> = folders.filter(|f| !f.ends_with("shortcut")).collect();
        let [folder] = &folders[..] else {
            panic!("{folders:?}");
        };
        spoil(&world, folder);
        for verb in ["build", "clean"] {
            let mut command = match verb {
                "build" => world.build_with(verb, &out(&world), &[]),
                _ => world.call(verb),
            };
            if verb == "clean" {
                command.arg("--out-dir").arg(out(&world));
            }
            for line in wrong(&world, &mut command, &[], &["cache"]) {
                writeln!(table, "the private folder is {name} | {verb} | {line}").unwrap();
            }
        }
    }
    assert!(table.is_empty(), "seed {}:\n{table}", random.seed);
}

#[test]
fn a_cache_folder_that_somebody_else_may_write_to_is_not_used() {
    if !is_root() {
        return println!("not run: giving folders to another user takes root");
    }
    let probe = Command::new("unshare").args(["--mount", "true"]).status();
    if !probe.is_ok_and(|status| status.success()) {
        return println!("not run: showing root another home takes a mount namespace");
    }
    nothing_is_left_in_a_folder_of_somebody_else(World::new(&kernel_at(1), None));
    if scope::is_full() {
        nothing_is_left_in_a_folder_of_somebody_else(World::new(&kernel_at(1), Some(NOBODY)));
    }
}
