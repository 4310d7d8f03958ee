//! Trees that need a command before make: it only runs if necessary.

use std::fs;

use kbuild_tests::scope;

use crate::scene::*;
use crate::support::trap::holds;
use crate::support::*;

/// A tree whose header comes from a script. A file outside counts the script's runs.
fn tree(kernel: usize) -> (Scene, tempfile::TempDir) {
    let count = tempfile::tempdir().unwrap();
    let mut scene = Scene::tree(
        &kernel_at(kernel),
        &[
            (
                "a.c",
                "#include <linux/module.h>\n#include \"made.h\"\n\
                 MODULE_INFO(made, __stringify(MADE));\nMODULE_LICENSE(\"GPL\");\n",
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

/// Checks the value of the header in the module. In the full run, a clean build has the same value.
fn has_made(scene: &Scene, value: &str, what: &str) {
    let module = &modules(scene.out.path())["a.ko"];
    let wanted = format!("made={value}\0");
    assert!(holds(module, wanted.as_bytes()), "{what}: no {wanted}");
    if scope::is_full() {
        scene.is_as_clean(what);
    }
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
    scene.edit("a.c", "made,", "made, \"\" ");
    scene.build();
    assert_eq!(runs(&count), 1, "its input did not change");
    scene.write("number", "2");
    scene.build();
    assert_eq!(runs(&count), 2, "its input changed");
    has_made(&scene, "2", "the input changed");
    scene.args.push("--env=OTHER=1".into());
    scene.build();
    has_made(&scene, "2", "from scratch");
    assert!(!scene.path("made.h").exists());
}

#[test]
fn a_prepare_command_without_inputs_runs_until_it_works_and_after_any_change_of_the_tree() {
    let (scene, count) = tree(0);
    let works = fs::read_to_string(scene.path("configure")).unwrap();
    scene.write("configure", "echo no luck here >&2; exit 3\n");
    let text = refused(&mut scene.command(), 1);
    assert!(
        text.contains("no luck here") && text.contains("sh configure"),
        "{text}"
    );
    assert!(text.contains("exit status: 3"), "{text}");
    scene.write("configure", &works);
    scene.build();
    assert_eq!(runs(&count), 1, "it works now");
    has_made(&scene, "1", "it works now");
    scene.is_fresh("nothing changed");
    let before = runs(&count);
    scene.write("number", "2");
    scene.build();
    assert_eq!(runs(&count), before + 1, "an input changed");
    has_made(&scene, "2", "an input changed");
}

#[test]
fn the_outputs_of_a_prepare_command_are_made_again_after_a_crash() {
    let (mut scene, count) = tree(1);
    scene
        .args
        .extend(["--prepare-input", "number"].map(String::from));
    // The compiler dies in the build in which prepare has run again.
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *a.c) [ -e {0}/die ] && kill -KILL $$;; esac\nexec {1} \"$@\"\n",
        count.path().display(),
        scene.kernel.compiler()
    );
    let (_dir, path) = program_in_front("dying-gcc", &script);
    scene.kernel.cc = Some("dying-gcc".into());
    scene.env.insert("PATH".into(), path);
    scene.build();
    fs::write(count.path().join("die"), "").unwrap();
    scene.write("number", "8");
    refused(&mut scene.command(), 1);
    fs::remove_file(count.path().join("die")).unwrap();
    scene.build();
    has_made(&scene, "8", "after the crash");
}

#[test]
fn a_folder_of_a_larger_root_is_prepared_again_when_it_is_built_from_nothing() {
    let (mut scene, count) = tree(0);
    let root = folder(&[("common/x.h", "")]);
    copy(scene.source.path(), &root.path().join("driver"));
    scene.source = root;
    scene.args[0] = "driver".into();
    scene
        .args
        .extend(["--tree-root", "..", "--prepare-input", "number"].map(String::from));
    scene.build();
    scene.args.push("--config=NEW=m".into());
    scene.build();
    assert_eq!(runs(&count), 2);
    has_made(&scene, "1", "another configuration");
}
