//! Flags, variables, compilers and clocks: inputs that are not sources and still decide the
//! products.

use std::fs;
use std::time::Duration;

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

/// Makes a module from an ELF file: a build of milliseconds.
const NO_MAKE: &str = "#!/bin/sh\ncp /bin/sh demo.ko && echo demo.ko > modules.order\n";

#[test]
fn a_changed_define_flag_config_variable_or_environment_entry_is_a_build_from_nothing() {
    for kernel in scope::kernels(1).unwrap() {
        let args = ["--name", "demo", "demo.c"];
        let mut scene = Scene::with(&kernel, &[("demo.c", SOURCE)], &args);
        // This only tests that make starts. Tests below cover kbuild's use of it.
        let (_dir, path) = program_in_front("make", NO_MAKE);
        if !scope::is_full() {
            scene.env.insert("PATH".into(), path);
        }
        scene.build();
        let plain = scene.args.clone();
        for more in [
            &["-D", "NUMBER=1"][..],
            &["-D", "NUMBER=2"],
            &["--cflag=-DNUMBER=3", "--cflag=-fno-inline"],
            &["--config", "DEMO_EXTRA=m"],
            &["--config", "DEMO_EXTRA=y"],
            &["--config", "DEMO_EXTRA=n"],
            &["--make-var", "A=1", "--env", "FROM_ENV=1"],
            &["--make-var", "A=2", "--env", "FROM_ENV=1"],
            &["--make-var", "A=2", "--env", "FROM_ENV=3"],
            &[],
        ] {
            scene.args = plain.clone();
            scene.args.extend(more.iter().map(|s| (*s).to_owned()));
            let output = match scope::is_full() {
                true => scene.compiles(&["demo.o"], &format!("{more:?}")),
                false => scene.build(),
            };
            let said = output.err();
            assert!(said.contains(" from scratch: "), "{more:?}\n{said}");
            scene.is_fresh(&format!("{more:?} again"));
        }
    }
}

#[test]
fn a_setting_goes_into_the_module_and_out_of_it_again() {
    let args = ["--name", "demo", "demo.c"];
    let mut scene = Scene::with(&kernel_at(0), &[("demo.c", SOURCE)], &args);
    scene.build();
    let first = modules(scene.out.path());
    let plain = scene.args.clone();
    let set = ["-D", "NUMBER=2", "--cflag=-fno-inline", "--config"];
    scene.args.extend(set.map(String::from));
    scene.args.push("DEMO_EXTRA=m".into());
    scene.recompiles(&["demo.o"], "with settings");
    assert_ne!(modules(scene.out.path()), first);
    scene.args = plain;
    scene.recompiles(&["demo.o"], "without settings again");
    assert_same_modules(&modules(scene.out.path()), &first, "without settings again");

    let kbuild = "obj-m := demo.o\nccflags-y := -DNUMBER=$(A)$(FROM_ENV)\n";
    let files = [("demo.c", SOURCE), ("Kbuild", kbuild)];
    let mut scene = Scene::tree(&kernel_at(1), &files);
    let plain = scene.args.clone();
    let mut previous = None;
    for [a, env] in [["A=1", "FROM_ENV=1"], ["A=2", "FROM_ENV=3"]] {
        scene.args = plain.clone();
        let more = ["--make-var", a, "--env", env];
        scene.args.extend(more.map(String::from));
        scene.recompiles(&["demo.o"], &format!("{more:?}"));
        let now = modules(scene.out.path());
        assert_ne!(previous, Some(now.clone()));
        previous = Some(now);
    }
    // A variable that is not passed on cannot matter.
    scene.env.insert("FROM_ENV".into(), "9".into());
    scene.env.insert("DEBUG".into(), "false".into());
    scene.is_fresh("with noise in the environment");
}

#[test]
fn a_compiler_that_is_another_one_now_is_a_build_from_nothing() {
    let kernel = kernel_at(0);
    let name = kernel.compiler();
    let flagged = |flag: &str| format!("#!/bin/sh\nPATH=${{PATH#*:}}\nexec {name} \"$@\" {flag}\n");
    // A real compiler if the kernel accepts it. Newer kernels need features of newer compilers.
    let other = if kernel.name == "5.10" {
        packages::install(&["gcc-11"]).unwrap();
        "gcc-11"
    } else {
        "other-gcc"
    };
    let (dir, path) = program_in_front("other-gcc", &flagged("-DNUMBER=1"));
    let args = ["--name", "demo", "demo.c"];
    let mut scene = Scene::with(&kernel, &[("demo.c", SOURCE)], &args);
    scene.env.insert("PATH".into(), path);
    scene.build();
    let first = modules(scene.out.path());

    let wrapper = dir.path().join(&name);
    fs::copy(dir.path().join("other-gcc"), &wrapper).unwrap();
    fs::write(&wrapper, flagged("")).unwrap();
    scene.recompiles(&["demo.o"], "one that now comes first in PATH");
    assert_same_modules(&modules(scene.out.path()), &first, "another of its name");
    scene.is_fresh("the same wrapper");

    fs::write(&wrapper, flagged("-DNUMBER=42")).unwrap();
    make_old(&wrapper);
    scene.recompiles(&["demo.o"], "one that was upgraded in its place");
    let upgraded = modules(scene.out.path());
    assert_ne!(upgraded, first);

    fs::write(&wrapper, flagged("")).unwrap();
    scene.kernel.cc = Some(other.into());
    scene.recompiles(&["demo.o"], other);
    assert_ne!(modules(scene.out.path()), first);
    assert_ne!(modules(scene.out.path()), upgraded);
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
    scene.args.push("-W1".into());
    let output = scene.build();
    let warning = format!("{}:2:5: warning: ", scene.path("demo.c").display());
    assert!(output.err().contains(&warning), "{}", output.err());
    assert!(output.err().contains("-Wp,-MMD"), "{}", output.err());
    assert!(!output.err().contains("/stage/"), "{}", output.err());
}

#[test]
fn an_edit_while_make_runs_is_built_by_the_next_build() {
    // On request, the compiler edits the file that it has just compiled.
    let outside = folder(&[("outer.h", "#define NUMBER 1\n")]);
    let mut kernel = kernel_at(0);
    let real = kernel.compiler();
    let script = format!(
        "#!/bin/sh\n{real} \"$@\" || exit\n\
         case \"$*\" in *demo.c) [ -e \"$ONCE\" ] && . \"$ONCE\" && rm \"$ONCE\";; esac\nexit 0\n"
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
    let (source, outer) = (scene.path("demo.c"), outside.path().join("outer.h"));
    let (source, outer) = (source.display(), outer.display());
    let mut edits = vec![
        format!("sed -i 's/NUMBER;/NUMBER+1;/' {source}"),
        format!("echo '#define NUMBER 3' > {outer}; touch -d 2001-01-01 {outer}"),
    ];
    if scope::is_full() {
        edits.push(format!("echo '#define NUMBER 2' > {outer}"));
    }
    // Each build compiles the file that was edited during the previous one.
    for edit in &edits {
        fs::write(&once, edit).unwrap();
        assert_eq!(compiled(&scene.build()), ["demo.o"], "before {edit}");
        assert!(!once.exists(), "the compiler did nothing of {edit}");
    }
    scene.compiles(&["demo.o"], "the last edit");
    scene.is_fresh("after the edits");
}

/// Copies a source to the product and lists it: a build of milliseconds. The second form also
/// appends a source's bytes. When asked for its version, it leaves the sources alone.
const QUICK_MAKE: &str = "#!/bin/sh\n[ \"$1\" = --version ] && exit\ncat /bin/sh data > quick.ko && echo quick.ko > modules.order\n";

/// The number of attempts for faults that only occur at certain moments.
fn rounds() -> u64 {
    if scope::is_full() { 60 } else { 20 }
}

#[test]
fn an_edit_in_the_clock_tick_in_which_a_build_ends_or_begins_is_seen() {
    let (_dir, path) = program_in_front("make", QUICK_MAKE);
    let mut scene = Scene::tree(&kernel_at(1), &[("data", "00000"), ("Kbuild", "")]);
    scene.env.insert("PATH".into(), path);
    let mut starts = 0;
    for round in 0..rounds() {
        // The length is the same each time. The file is written right before the build and right
        // after the last one.
        let text = format!("{round:05}");
        scene.write("data", &text);
        starts += u64::from(started_make(&scene.build()));
        let product = &modules(scene.out.path())["quick.ko"];
        assert!(product.ends_with(text.as_bytes()), "not {text}");
    }
    assert_eq!(starts, rounds());
    scene.is_fresh("nothing was written");
}

#[test]
fn an_edit_at_any_time_of_a_build_is_seen_at_the_latest_by_the_next() {
    let (_dir, path) = program_in_front("make", QUICK_MAKE);
    let mut scene = Scene::tree(&kernel_at(1), &[("data", "00000"), ("Kbuild", "")]);
    scene.env.insert("PATH".into(), path);
    scene.build();
    for round in 1..rounds() {
        // From the beginning of a build to its end.
        let moment = Duration::from_micros(round * 42_000 / rounds());
        let text = format!("{round:05}");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                std::thread::sleep(moment);
                scene.write("data", &text);
            });
            // This gives the build something to do, so that it stages.
            scene.write("Kbuild", &format!("# {round}\n"));
            scene.build();
            writer.join().unwrap();
        });
        scene.build();
        let product = &modules(scene.out.path())["quick.ko"];
        assert!(product.ends_with(text.as_bytes()), "not {text}");
    }
}
