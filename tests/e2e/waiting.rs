//! A build that waits for its turn while a user continues to edit.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::scene::{Scene, kernel_at};
use crate::support::*;

/// Waits for a condition that another process fulfils.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(300), "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a build holds the lock of the only key in this output directory.
fn is_locked(out: &Path) -> bool {
    let keys = fs::read_dir(out.join(".kbuild")).into_iter().flatten();
    let mut locks = keys.map(|key| key.unwrap().path().join("lock"));
    locks.any(|lock| {
        let mut flock = Command::new("flock");
        flock.arg("--nonblock").arg(&lock).arg("true");
        lock.exists() && !flock.status().unwrap().success()
    })
}

#[test]
fn a_file_that_is_edited_while_a_build_waits_for_a_token_is_built() {
    let kernel = kernel_at(1);
    let pool = folder(&[]);
    let second = "const char *two(void);\nconst char *two(void) { return \"two is old\"; }\n";
    let parts = [
        ("main.c", HELLO),
        ("two.c", second),
        ("Kbuild", "obj-m := both.o\nboth-y := main.o two.o\n"),
    ];
    let mut mine = Scene::tree(&kernel, &parts);
    let mut others = Scene::tree(&kernel, &[("a.c", HELLO), ("Kbuild", "obj-m := a.o\n")]);
    let (held, go) = (pool.path().join("held"), pool.path().join("go"));
    let hold = format!(
        "touch {}; until [ -e {} ]; do sleep 0.1; done",
        held.display(),
        go.display()
    );
    let pool_dir = pool.path().to_str().unwrap();
    let shared = ["-j1", "--pool-dir", pool_dir];
    mine.args.extend(shared.map(str::to_owned));
    others.args.extend(shared.map(str::to_owned));
    others.args.extend(["--prepare".to_owned(), hold]);
    mine.build();

    std::thread::scope(|scope| {
        let other = scope.spawn(|| others.build());
        until("the other build has the token", || held.exists());
        mine.edit("main.c", "return 0", "return 0 + 0");
        let waiting = scope.spawn(|| mine.build());
        until("this build waits", || is_locked(mine.out.path()));
        // The build has read the sources by then.
        std::thread::sleep(Duration::from_secs(1));
        mine.edit("two.c", "is old", "is new");
        fs::write(&go, "").unwrap();
        other.join().unwrap();
        waiting.join().unwrap();
    });
    let module = &modules(mine.out.path())["both.ko"];
    assert!(trap::holds(module, b"two is new"));
}
