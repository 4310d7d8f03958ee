//! Trees that want a command before make: it runs when it has to, and only then.

use std::fs;

use crate::scene::*;
use crate::support::*;

/// A tree whose header comes from a script; how often it ran stands in a file outside.
fn tree(kernel: usize) -> (Scene, tempfile::TempDir) {
    let count = tempfile::tempdir().unwrap();
    let mut scene = Scene::tree(
        &kernel_at(kernel),
        &[
            (
                "a.c",
                "#include <linux/module.h>\n#include \"made.h\"\nint n(void);\nint n(void) { return MADE; }\nMODULE_LICENSE(\"GPL\");\n",
            ),
            ("Kbuild", "obj-m := a.o\n"),
            ("number", "1"),
            (
                "configure",
                "#!/bin/sh\necho \"#define MADE $(cat number)\" > made.h\necho run >> \"$COUNT/count\"\n",
            ),
        ],
    );
    scene.args.extend([
        "--prepare".to_owned(),
        "sh configure".to_owned(),
        format!("--env=COUNT={}", count.path().display()),
    ]);
    (scene, count)
}

fn runs(count: &tempfile::TempDir) -> usize {
    let text = fs::read_to_string(count.path().join("count")).unwrap_or_default();
    text.lines().count()
}

#[test]
fn a_prepare_command_runs_once_and_again_when_its_input_changes() {
    let (mut scene, count) = tree(1);
    scene
        .args
        .extend(["--prepare-input", "number", "--prepare-input", "configure"].map(String::from));
    scene.build();
    assert_eq!(runs(&count), 1);
    scene.is_fresh("nothing changed");
    scene.edit("a.c", "return MADE", "return MADE + 1");
    scene.build();
    assert_eq!(runs(&count), 1, "its input did not change");
    scene.write("number", "2");
    scene.build();
    assert_eq!(runs(&count), 2, "its input changed");
    scene.builds_as_clean("the input changed");
    scene.args.push("--env=OTHER=1".into());
    scene.builds_as_clean("from nothing");
    assert!(!scene.path("made.h").exists());
}

#[test]
fn a_prepare_command_without_inputs_runs_after_any_change_of_the_tree() {
    let (scene, count) = tree(0);
    scene.build();
    scene.is_fresh("nothing changed");
    assert_eq!(runs(&count), 1);
    scene.write("number", "2");
    scene.builds_as_clean("an input changed");
    // Once here and once for the clean build.
    assert_eq!(runs(&count), 3);
}

#[test]
fn a_prepare_command_that_fails_says_so_and_runs_again() {
    let (mut scene, count) = tree(2);
    scene.write("configure", "echo no luck here >&2; exit 3\n");
    let text = refused(&mut scene.command(), 1);
    assert!(
        text.contains("no luck here") && text.contains("sh configure"),
        "{text}"
    );
    assert!(text.contains("exit status: 3"), "{text}");
    scene.write(
        "configure",
        "echo '#define MADE 5' > made.h; echo run >> $COUNT/count\n",
    );
    scene.builds_as_clean("it works now");
    assert_eq!(runs(&count), 2);
    // It also runs again where what it made was thrown away.
    scene.args.push("--config=NEW=m".into());
    scene.builds_as_clean("another configuration");
}

#[test]
fn what_a_prepare_command_made_is_made_again_after_a_crash() {
    let (mut scene, count) = tree(1);
    scene
        .args
        .extend(["--prepare-input", "number"].map(String::from));
    scene.build();
    scene.write("number", "7");
    // The compiler dies in the build in which prepare ran anew.
    let kernel = scene.kernel.clone();
    let cc = kernel.cc.unwrap_or_else(|| "gcc-12".into());
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *a.c) [ -e {0}/die ] && kill -KILL $$;; esac\nexec {cc} \"$@\"\n",
        count.path().display()
    );
    let (_dir, path) = program_in_front("dying-gcc", &script);
    scene.kernel.cc = Some("dying-gcc".into());
    scene.env.insert("PATH".into(), path);
    scene.build();
    fs::write(count.path().join("die"), "").unwrap();
    scene.write("number", "8");
    refused(&mut scene.command(), 1);
    fs::remove_file(count.path().join("die")).unwrap();
    scene.builds_as_clean("after the crash");
}

#[test]
fn a_folder_of_a_larger_root_is_prepared_again_when_it_is_built_from_nothing() {
    let (mut scene, count) = tree(1);
    let root = folder(&[("common/x.h", "")]);
    copy(scene.source.path(), &root.path().join("driver"));
    scene.source = root;
    scene.args[0] = "driver".into();
    scene
        .args
        .extend(["--root", "..", "--prepare-input", "number"].map(String::from));
    scene.build();
    scene.args.push("--config=NEW=m".into());
    scene.builds_as_clean("another configuration");
    assert_eq!(runs(&count), 3);
}
