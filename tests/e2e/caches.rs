//! Folders of ours that lie elsewhere, in a cache folder or a pool: somebody else's are not used,
//! and nothing is left in them.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::run;
use kbuild_tests::scope;

use crate::scene::kernel_at;
use crate::support::looks::Looks;
use crate::support::random::Random;
use crate::support::world::*;
use crate::support::*;

/// A way in which the environment names folders that are not the caller's to use.
struct Kind {
    name: &'static str,
    /// Prepares it below the world's `home`, and gives variables.
    craft: fn(&World) -> Vec<(&'static str, PathBuf)>,
}

fn home(world: &World) -> PathBuf {
    world.root.join("home")
}

/// Where the cache folder of ours lies in the home.
fn cache(world: &World) -> PathBuf {
    home(world).join(".cache/kbuild-rs")
}

fn make(world: &World, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    world.give(&home(world));
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn belongs_to_somebody(path: &Path) {
    give_to(SOMEBODY, path);
}

/// The user's home stays what it is in the password file, where the test says so.
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
            make(w, &cache(w));
            // Whoever may name the working directory.
            vec![("XDG_CACHE_HOME", "../victims".into())]
        },
    },
];

/// Those that lie in the folder itself, where a build has made it.
const INNER: &[(&str, fn(&World, &Path))] = &[
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

/// A password file in which the user has this home, for one command.
const WITH_PASSWD: &str = "mount --bind \"$0\" /etc/passwd && exec \"$@\"";

/// Root that came with another user's environment: its own home is where the system says.
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
fn out(world: &World) -> PathBuf {
    world.out.join("with blank")
}

/// What is wrong after a command: what was touched, and an answer that is neither of the two.
fn wrong(world: &World, command: &mut Command, before: &Looks, culprits: &[&str]) -> Vec<String> {
    let answer = run::run(command, LIMIT);
    let mut wrong = before.changes(&world.looks_outside());
    match answer {
        Err(error) => wrong.push(format!("HANGS {error}")),
        Ok(output) if output.status.success() => {
            let module = fs::read(out(world).join("hello.ko")).unwrap_or_default();
            if module != world.reference[0] {
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
        // Of its own home, the caller may make use.
        let own = world.scratch().join("own");
        remove_any(&own);
        fs::create_dir(&own).unwrap();
        let before = world.looks_outside();
        if world.is_of_root() {
            let passwd = world.root.join("tmp/passwd");
            command = with_own_home(&own, &passwd, &command);
        }
        let mut found = wrong(&world, &mut command, &before, &["cache", "home"]);
        let of_own = |line: &String| line.starts_with(&*own.to_string_lossy());
        found.retain(|line| !of_own(line));
        for line in found {
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
        let folders: Vec<_> = folders.map(|entry| entry.unwrap().path()).collect();
        let [folder] = &folders[..] else {
            panic!("{folders:?}");
        };
        spoil(&world, folder);
        let before = world.looks_outside();
        for verb in ["build", "clean"] {
            let mut command = match verb {
                "build" => world.build_with(verb, &out(&world), &[]),
                _ => world.call(verb),
            };
            if verb == "clean" {
                command.arg("--out-dir").arg(out(&world));
            }
            for line in wrong(&world, &mut command, &before, &["cache"]) {
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

/// Spoils the folder that `--pool-dir` names; its path, and what in it is somebody's.
const POOLS: &[(&str, fn(&World, &Path))] = &[
    ("a link to somebody's folder", |w, pool| {
        symlink(w.victims.join("dir"), pool).unwrap();
        lchown(pool, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        give_to(SOMEBODY, &w.victims.join("dir"));
    }),
    ("somebody else's", |_, pool| {
        fs::create_dir(pool).unwrap();
        set_mode(pool, 0o777);
        belongs_to_somebody(pool);
    }),
    ("for anybody to write to", |w, pool| {
        fs::create_dir(pool).unwrap();
        w.give(pool);
        set_mode(pool, 0o777);
    }),
    ("one with a link for its lock", |w, pool| {
        fs::create_dir(pool).unwrap();
        symlink(w.victims.join("file"), pool.join("jobs.lock")).unwrap();
        w.give(pool);
    }),
    ("one with a link to nothing for its lock", |w, pool| {
        fs::create_dir(pool).unwrap();
        symlink(w.victims.join("new"), pool.join("jobs.lock")).unwrap();
        w.give(pool);
    }),
    ("one with a file for its fifo", |w, pool| {
        fs::create_dir(pool).unwrap();
        fs::hard_link(w.victims.join("file"), pool.join("jobs")).unwrap();
        w.give(pool);
    }),
    ("one with a link for its fifo", |w, pool| {
        fs::create_dir(pool).unwrap();
        symlink(w.victims.join("file"), pool.join("jobs")).unwrap();
        w.give(pool);
    }),
    ("one with somebody's fifo", |_, pool| {
        fs::create_dir(pool).unwrap();
        let fifo = pool.join("jobs");
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .unwrap()
                .success()
        );
        set_mode(&fifo, 0o666);
        belongs_to_somebody(&fifo);
    }),
    ("a file", |w, pool| {
        fs::write(pool, "mine\n").unwrap();
        w.give(pool);
    }),
    ("a link to nothing", |w, pool| {
        symlink(w.victims.join("new"), pool).unwrap();
        w.give(pool);
    }),
];

#[test]
fn a_pool_that_somebody_else_may_write_to_is_not_used() {
    if !is_root() {
        return println!("not run: giving folders to another user takes root");
    }
    let mut random = Random::new();
    let turn = random.below(4) as usize;
    let mut table = String::new();
    let mut world = World::new(&kernel_at(1), Some(NOBODY));
    for (number, (name, spoil)) in POOLS.iter().enumerate() {
        if !scope::is_full() && (number + turn) % 4 != 0 {
            continue;
        }
        world.restore();
        fs::create_dir(out(&world)).unwrap();
        make(&world, &home(&world).join(".cache"));
        world.give(&out(&world));
        let pool = world.root.join("cwd/pool");
        spoil(&world, &pool);
        let mut command =
            world.build_with("build", &out(&world), &["-j", "2", "--pool-dir", "pool"]);
        let before = world.looks_outside();
        let mut found = wrong(&world, &mut command, &before, &["pool"]);
        // What is the user's own is there for it.
        let own = home(&world);
        found.retain(|line| !line.starts_with(&*own.to_string_lossy()));
        if name.starts_with("one with") {
            // The pool itself is, too.
            let itself = format!("{}: ", pool.display());
            let made = [format!("{}/.kbuild", pool.display()), itself];
            let foreign = |line: &String| line.contains("/victims") || line.starts_with("HANGS");
            found.retain(|line| foreign(line) || !made.iter().any(|m| line.starts_with(m)));
        }
        for line in found {
            writeln!(table, "the pool is {name} | {line}").unwrap();
        }
    }
    assert!(table.is_empty(), "seed {}:\n{table}", random.seed);
}

#[test]
fn root_does_not_build_or_clean_in_what_another_user_has_built() {
    if !is_root() {
        return println!("not run: giving folders to another user takes root");
    }
    let mut world = World::new(&kernel_at(1), Some(NOBODY));
    world.restore();
    let before = Looks::of(&world.root, &[world.root.join("tmp")]);
    world.caller = None;
    let clean = |more: &[&Path]| {
        let mut command = world.call("clean");
        command.arg("--out-dir").arg(&world.out).args(more);
        command
    };
    for mut command in [
        world.build(&[]),
        clean(&[]),
        clean(&[&world.root.join("source")]),
        world.build_with("ide", &world.out, &[]),
        world.build(&["--target", "sub/other.o"]),
    ] {
        let output = run::run(&mut command, LIMIT).unwrap();
        let said = output.err();
        assert!(!output.status.success(), "{command:?}: {said}");
        assert!(said.contains("nobody") || said.contains("65534"), "{said}");
        assert!(said.contains("--out-dir"), "no other way is named: {said}");
        let now = Looks::of(&world.root, &[world.root.join("tmp")]);
        assert_eq!(before.changes(&now), Vec::<String>::new(), "{command:?}");
    }
    // The sources may be anybody's.
    let elsewhere = world.root.join("named/out");
    built(&mut world.build_with("build", &elsewhere, &[]));
    assert_eq!(modules(&elsewhere)["hello.ko"], world.reference[0]);
    let mut command = world.call("clean");
    built(command.arg("--out-dir").arg(&elsewhere));
    assert!(!elsewhere.join("hello.ko").exists());
}
