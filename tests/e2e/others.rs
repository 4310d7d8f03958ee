//! Root, in a place where another user has built.

use std::path::Path;

use kbuild_tests::run;

use crate::scene::kernel_at;
use crate::support::*;
use crate::world::looks::Looks;
use crate::world::*;

#[test]
fn root_does_not_build_or_clean_in_another_users_output_directory() {
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
    // The sources may belong to any user.
    let elsewhere = world.root.join("named/out");
    built(&mut world.build_with("build", &elsewhere, &[]));
    assert_eq!(modules(&elsewhere)["hello.ko"], world.reference[0]);
    let mut command = world.call("clean");
    built(command.arg("--out-dir").arg(&elsewhere));
    assert!(!elsewhere.join("hello.ko").exists());
}
