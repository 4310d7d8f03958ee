//! The program's results for a build system: a stamp to compare times with, and only the modules
//! that the build system knows.

use std::fs;

use kbuild_tests::lab;

use crate::scene::Scene;
use crate::support::*;

#[test]
fn a_stamp_is_as_old_as_the_build_and_the_depfile_is_about_it() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let scene = Scene::with(
        &kernel,
        &[("hello.c", HELLO)],
        &["--name", "hello", "hello.c"],
    );
    let (stamp, depfile) = (scene.out.path().join("a stamp"), scene.out.path().join("d"));
    let with_stamp = |more: &[&str]| {
        let mut command = scene.command();
        command
            .arg("--stamp")
            .arg(&stamp)
            .arg("--depfile")
            .arg(&depfile);
        command.args(more);
        command
    };
    let time = |path: &std::path::Path| fs::metadata(path).unwrap().modified().unwrap();

    let said = refused(
        &mut with_stamp(&["--module", "hello", "--module", "other"]),
        1,
    );
    assert!(
        said.contains("does not build the expected module other"),
        "{said}"
    );
    let said = refused(&mut with_stamp(&["--module", "hel-lo"]), 1);
    assert!(said.contains("It builds hello"), "{said}");
    assert!(!stamp.exists() && !depfile.exists());

    let output = built(&mut with_stamp(&["-q", "--module", "hello"]));
    assert_eq!(output.out(), "", "the caller knows what comes out");
    let text = fs::read_to_string(&depfile).unwrap();
    let target = stamp.to_str().unwrap().replace(' ', "\\ ");
    assert!(text.starts_with(&format!("{target}: \\\n")), "{text}");
    let module = scene.out.path().join("hello.ko");
    let first = (time(&stamp), time(&module));
    assert!(first.0 >= time(&scene.path("hello.c")));

    // Nothing changed: the stamp has the time of this call, and the module keeps its time.
    built(&mut with_stamp(&["-q", "--module", "hello"]));
    assert!(time(&stamp) > first.0);
    assert_eq!(time(&module), first.1);

    // A file that is written while a build runs is newer than the build's stamp.
    scene.edit("hello.c", "bye", "good bye");
    built(&mut with_stamp(&["-q"]));
    assert!(time(&stamp) < time(&module));
}
