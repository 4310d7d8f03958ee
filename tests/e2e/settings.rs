//! Flags, variables, compilers and clocks: what is no source and still decides the products.

use std::fs;

use kbuild_tests::lab::packages;
use kbuild_tests::scope;

use crate::scene::*;
use crate::support::*;

const SOURCE: &str = r#"
#include <linux/module.h>
#ifndef NUMBER
#define NUMBER 0
#endif
int number(void);
int number(void) { return NUMBER; }
#if IS_ENABLED(CONFIG_DEMO_EXTRA)
int extra(void);
int extra(void) { return 1; }
#endif
MODULE_LICENSE("GPL");
"#;

#[test]
fn a_changed_define_flag_or_config_of_a_declared_module_is_a_build_from_nothing() {
    for kernel in scope::kernels(1).unwrap() {
        let mut scene = Scene::with(
            &kernel,
            &[("demo.c", SOURCE)],
            &["--name", "demo", "demo.c"],
        );
        scene.build();
        let plain = scene.args.clone();
        for more in [
            &["-D", "NUMBER=1"][..],
            &["-D", "NUMBER=2"],
            &["--cflag=-DNUMBER=3", "--cflag=-fno-inline"],
            &["--config", "DEMO_EXTRA=m"],
            &["--config", "DEMO_EXTRA=y"],
            &["--config", "DEMO_EXTRA=n"],
            &[],
        ] {
            scene.args = plain.clone();
            scene.args.extend(more.iter().map(|s| (*s).to_owned()));
            scene.compiles(&["demo.o"], &format!("{more:?}"));
            scene.is_fresh(&format!("{more:?} again"));
        }
    }
}

#[test]
fn a_changed_make_variable_or_environment_entry_is_a_build_from_nothing() {
    let mut scene = Scene::tree(
        &kernel_at(1),
        &[
            ("demo.c", SOURCE),
            (
                "Kbuild",
                "obj-m := demo.o\nccflags-y := -DNUMBER=$(A)$(FROM_ENV)\n",
            ),
        ],
    );
    let plain = scene.args.clone();
    let mut previous = None;
    for (a, env) in [("1", "1"), ("2", "1"), ("2", "3"), ("1", "1")] {
        scene.args = plain.clone();
        scene.args.extend(["--make-var".into(), format!("A={a}")]);
        scene
            .args
            .extend(["--env".into(), format!("FROM_ENV={env}")]);
        scene.compiles(&["demo.o"], &format!("A={a} FROM_ENV={env}"));
        scene.is_fresh("the same again");
        let now = modules(scene.out.path());
        assert_ne!(previous, Some(now.clone()));
        previous = Some(now);
    }
    // Nothing that is not let through can matter.
    scene.env.insert("FROM_ENV".into(), "9".into());
    scene.env.insert("DEBUG".into(), "false".into());
    scene.is_fresh("with noise in the environment");
}

#[test]
fn another_compiler_is_a_build_from_nothing() {
    let mut kernel = kernel_at(0);
    // A real one where the kernel takes it; newer kernels want what only newer compilers know.
    let (_dir, path, other) = if kernel.name == "5.10" {
        packages::install(&["gcc-11"]).unwrap();
        let (dir, path) = program_in_front("unused", "");
        (dir, path, "gcc-11")
    } else {
        let (dir, path) = program_in_front("other-gcc", "#!/bin/sh\nexec gcc \"$@\" -DNUMBER=1\n");
        (dir, path, "other-gcc")
    };
    let mut scene = Scene::with(
        &kernel,
        &[("demo.c", SOURCE)],
        &["--name", "demo", "demo.c"],
    );
    scene.env.insert("PATH".into(), path);
    scene.build();
    let first = modules(scene.out.path());
    kernel.cc = Some(other.into());
    scene.kernel = kernel;
    scene.compiles(&["demo.o"], other);
    assert_ne!(modules(scene.out.path()), first);
}

#[test]
fn a_compiler_that_was_upgraded_in_its_place_is_a_build_from_nothing() {
    let mut kernel = kernel_at(2);
    let real = kernel.cc.clone().unwrap_or_else(|| "gcc-12".into());
    let wrapper = |flag: &str| format!("#!/bin/sh\nexec {real} \"$@\" {flag}\n");
    let (dir, path) = program_in_front("vendor-gcc", &wrapper(""));
    kernel.cc = Some("vendor-gcc".into());
    let mut scene = Scene::with(
        &kernel,
        &[("demo.c", SOURCE)],
        &["--name", "demo", "demo.c"],
    );
    scene.env.insert("PATH".into(), path);
    scene.build();
    scene.is_fresh("the same wrapper");
    fs::write(dir.path().join("vendor-gcc"), wrapper("-DNUMBER=42")).unwrap();
    make_old(&dir.path().join("vendor-gcc"));
    scene.compiles(&["demo.o"], "the wrapper changed");
}

#[test]
fn a_more_talkative_build_rebuilds_nothing_and_more_warnings_do() {
    let mut scene = Scene::with(
        &kernel_at(1),
        &[(
            "demo.c",
            "#include <linux/module.h>\nint undeclared(int unused) { return 0; }\n\
             MODULE_LICENSE(\"GPL\");\n",
        )],
        &["--name", "demo", "demo.c"],
    );
    scene.build();
    scene.args.push("-v".into());
    scene.is_fresh("-v");
    scene.args.pop();
    scene.args.push("-W1".into());
    let output = scene.build();
    let warning = format!("{}:2:5: warning: ", scene.path("demo.c").display());
    assert!(output.err().contains(&warning), "{}", output.err());
    scene.args.push("-v".into());
    scene.edit("demo.c", "return 0", "return 1");
    let output = scene.build();
    assert!(output.err().contains("-Wp,-MMD"), "{}", output.err());
    assert!(!output.err().contains("/stage/"), "{}", output.err());
}

#[test]
fn an_edit_while_make_runs_is_built_by_the_next_build() {
    // Once, a compiler edits what it has just compiled: the source, then a header outside.
    let outside = folder(&[("outer.h", "#define NUMBER 1\n")]);
    let mut kernel = kernel_at(0);
    let real = kernel.cc.clone().unwrap_or_else(|| "gcc-12".into());
    let script = format!(
        "#!/bin/sh\n{real} \"$@\" || exit\n\
         case \"$*\" in *demo.c) [ -x \"$ONCE\" ] && . \"$ONCE\" && rm \"$ONCE\";; esac\nexit 0\n"
    );
    let (dir, path) = program_in_front("busy-gcc", &script);
    kernel.cc = Some("busy-gcc".into());
    let once = dir.path().join("once");
    let mut scene = Scene::with(
        &kernel,
        &[("demo.c", &format!("#include <outer.h>\n{SOURCE}"))],
        &["--name", "demo", "demo.c"],
    );
    scene.env.insert("PATH".into(), path);
    let include = format!("-I{}", outside.path().display());
    let env = format!("--env=ONCE={}", once.display());
    scene.args.extend([include, env]);
    let source = scene.path("demo.c");
    for edit in [
        format!("sed -i 's/NUMBER;/NUMBER+1;/' {}", source.display()),
        format!(
            "echo '#define NUMBER 2' > {}/outer.h",
            outside.path().display()
        ),
        format!(
            "echo '#define NUMBER 3' > {0}/outer.h; touch -d 2001-01-01 {0}/outer.h",
            outside.path().display()
        ),
    ] {
        write(dir.path(), &[("once", &edit)]);
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&once, fs::Permissions::from_mode(0o755)).unwrap();
        edit_something(&scene);
        scene.build();
        assert!(!once.exists(), "the compiler did nothing of {edit}");
        scene.compiles(&["demo.o"], &edit);
        scene.is_fresh("after the edit");
    }
}

/// Makes the next build compile.
fn edit_something(scene: &Scene) {
    let text = fs::read_to_string(scene.path("demo.c")).unwrap();
    fs::write(scene.path("demo.c"), format!("{text}// once more\n")).unwrap();
}

/// Copies a source to the product and lists it: a build that takes milliseconds.
const QUICK_MAKE: &str = "#!/bin/sh\ncp data quick.ko && echo quick.ko > modules.order\n";

#[test]
fn an_edit_in_the_clock_tick_in_which_a_build_ends_or_begins_is_seen() {
    let (_dir, path) = program_in_front("make", QUICK_MAKE);
    let mut scene = Scene::tree(&kernel_at(1), &[("data", "00000"), ("Kbuild", "")]);
    scene.env.insert("PATH".into(), path);
    let mut starts = 0;
    for round in 0..60 {
        // The same length each time; written right before the build and right after the last.
        let text = format!("{round:05}");
        scene.write("data", &text);
        starts += u32::from(started_make(&scene.build()));
        let product = &modules(scene.out.path())["quick.ko"];
        assert_eq!(String::from_utf8_lossy(product), text);
    }
    assert_eq!(starts, 60);
    scene.is_fresh("nothing was written");
}

#[test]
fn an_edit_at_any_time_of_a_build_is_seen_at_the_latest_by_the_next() {
    let (_dir, path) = program_in_front("make", QUICK_MAKE);
    let mut scene = Scene::tree(&kernel_at(1), &[("data", "00000"), ("Kbuild", "")]);
    scene.env.insert("PATH".into(), path);
    scene.build();
    for round in 1..60u64 {
        let text = format!("{round:05}");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_micros(round * 700));
                scene.write("data", &text);
            });
            // Something to do, so that it stages.
            scene.write("Kbuild", &format!("# {round}\n"));
            scene.build();
            writer.join().unwrap();
        });
        scene.build();
        let product = &modules(scene.out.path())["quick.ko"];
        assert_eq!(String::from_utf8_lossy(product), text);
    }
}
