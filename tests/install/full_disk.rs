//! A root whose file system is full, at any step.

use std::process::Command;

use kbuild_tests::disk::SmallDisk;
use kbuild_tests::{plain, run, scope};

use crate::world::{LIMIT, World, done};

/// From no room at all to enough, in steps of a page or a few.
#[test]
fn on_a_full_disk_the_old_modules_stay_and_are_chosen() {
    let Some(mut world) = World::here() else {
        return;
    };
    let at = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(at.path(), "64m") else {
        return without_a_mount(&world);
    };
    let root = at.path().join("root");
    plain::copy(&world.root, &root).unwrap();
    world.root = root;
    let names = ["dummy", "kt_base"];
    let set = |version| names.map(|name| (name, version));
    done(&mut world.install(&set(1)));
    let step = if scope::is_full() { 4 } else { 24 };
    let mut failures = 0;
    for free in (0..).step_by(step) {
        disk.leave(free).unwrap();
        let output = run::run(&mut world.install(&set(2)), LIMIT).unwrap();
        let said = output.err();
        let what = format!("{free} KiB free: {said}");
        assert!(!said.contains("panicked"), "{what}");
        let version = if output.status.success() { 2 } else { 1 };
        for name in names {
            assert_eq!(world.version_or(name, &what), Some(version), "{what}");
            world.is_chosen(name, &what);
        }
        if version == 2 {
            break;
        }
        failures += 1;
        assert!(said.contains("No space left"), "{what}");
        assert!(free < 4096, "{what}");
        disk.leave(4096).unwrap();
        let output = run::run(&mut world.program("verify"), LIMIT).unwrap();
        assert!(output.status.success(), "{what}{}", output.err());
    }
    assert!(failures > 2, "{failures}");
    disk.leave(4096).unwrap();
    done(&mut world.program("verify"));
    assert_eq!(world.left_over(), [""; 0]);
}

/// Nobody may write more than a little into any file: what is written is cut off as on a full
/// disk.
fn without_a_mount(world: &World) {
    done(&mut world.install(&[("dummy", 1)]));
    let inner = world.install(&[("dummy", 2)]);
    for blocks in [0, 1, 4, 16] {
        let mut limited = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        limited.args(["-c", &script]).arg(inner.get_program());
        limited.args(inner.get_args());
        crate::world::refused(&mut limited, 1);
        assert_eq!(world.version("dummy"), Some(1));
        world.is_chosen("dummy", "limited");
    }
    done(&mut world.install(&[("dummy", 2)]));
}
