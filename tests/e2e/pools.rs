//! Pools of jobs that another user could change: they are not used, and their targets are not
//! touched.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::scope;

use crate::caches::{belongs_to_somebody, home, make, out, set_mode, wrong};
use crate::scene::kernel_at;
use crate::support::*;
use crate::world::*;
use kbuild_tests::random::Random;

/// Spoils a pool. It gets the folder that `--pool-dir` names, and the folder of the pool.
type Spoil = fn(&World, &Path, &Path);

const POOLS: &[(&str, Spoil)] = &[
    ("a link to somebody's folder", |w, pool, _| {
        remove_any(pool);
        symlink(w.victims.join("dir"), pool).unwrap();
        belongs_to_somebody(pool);
        belongs_to_somebody(&w.victims.join("dir"));
    }),
    ("in a link to somebody's folder", |w, _, inner| {
        fs::rename(inner, w.victims.join("pool")).unwrap();
        symlink(w.victims.join("pool"), inner).unwrap();
        belongs_to_somebody(inner);
    }),
    ("somebody else's", |_, pool, _| {
        set_mode(pool, 0o777);
        belongs_to_somebody(pool);
    }),
    ("for anybody to write to", |_, pool, _| {
        set_mode(pool, 0o777)
    }),
    ("in one for anybody to write to", |_, _, inner| {
        set_mode(inner, 0o777);
    }),
    ("one with a link for its lock", |w, _, inner| {
        put_link(w, &w.victims.join("file"), &inner.join("jobs.lock"));
    }),
    ("one with a link to nothing for its lock", |w, _, inner| {
        put_link(w, &w.victims.join("new"), &inner.join("jobs.lock"));
    }),
    ("one with a file for its fifo", |w, _, inner| {
        remove_any(&inner.join("jobs"));
        fs::hard_link(w.victims.join("file"), inner.join("jobs")).unwrap();
    }),
    ("one with a link for its fifo", |w, _, inner| {
        put_link(w, &w.victims.join("file"), &inner.join("jobs"));
    }),
    ("one with somebody's fifo", |_, _, inner| {
        set_mode(&inner.join("jobs"), 0o666);
        belongs_to_somebody(&inner.join("jobs"));
    }),
    ("a file", |w, pool, _| {
        remove_any(pool);
        fs::write(pool, "mine\n").unwrap();
        w.give(pool);
    }),
    ("a link to nothing", |w, pool, _| {
        put_link(w, &w.victims.join("new"), pool);
    }),
];

fn put_link(world: &World, to: &Path, at: &Path) {
    remove_any(at);
    symlink(to, at).unwrap();
    world.give(at);
}

/// Fills the pool in this folder by a build that needs one. Returns the place of the pool.
fn filled(world: &World, pool: &Path) -> PathBuf {
    fs::create_dir_all(pool).unwrap();
    world.give(pool);
    built(&mut with_pool(world));
    remove_any(&out(world));
    fs::create_dir(out(world)).unwrap();
    world.give(&out(world));
    let files = files_below(pool);
    let lock = files.iter().find(|rel| rel.ends_with("jobs.lock"));
    pool.join(lock.expect("no pool was made").parent().unwrap())
}

/// The pool is in the working directory.
fn with_pool(world: &World) -> Command {
    world.build_with("build", &out(world), &["-j", "2", "--pool-dir", "pool"])
}

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
        let inner = filled(&world, &pool);
        spoil(&world, &pool, &inner);
        // A folder of the user's own may be used.
        let mut own = vec![home(&world)];
        if name.starts_with("one with") {
            own.push(pool.clone());
        }
        let own: Vec<_> = own.iter().map(PathBuf::as_path).collect();
        let found = wrong(&world, &mut with_pool(&world), &own, &["pool"]);
        for line in found {
            writeln!(table, "the pool is {name} | {line}").unwrap();
        }
    }
    assert!(table.is_empty(), "seed {}:\n{table}", random.seed);
}
