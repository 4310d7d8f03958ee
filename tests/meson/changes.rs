//! Changes at a bad time, or at an unexpected place.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::project::*;
use crate::support::*;

const NOTHING: [&str; 0] = [];

#[test]
fn a_file_that_is_edited_while_make_runs_is_built_next_time() {
    let files = [
        (
            "meson.build",
            "project('late', meson_version: '>=1.0')\n\
             kbuild = import('kbuild')\n\
             kbuild.module('hello', 'hello.c', kernel: kbuild.kernel(cc: get_option('cc')))\n",
        ),
        ("meson_options.txt", "option('cc', type: 'string')\n"),
        ("hello.c", HELLO),
    ];
    for with in corners(0) {
        let project = Project::new(with, &files);
        // A user saves the source once, right after its compiler has ended.
        let compiler = project.scratch().join("late-cc");
        let (once, source) = (
            project.scratch().join("once"),
            project.source().join("hello.c"),
        );
        let real = project.kernel().cc.as_deref().unwrap_or("gcc");
        let script = format!(
            "#!/bin/sh\n{real} \"$@\"; status=$?\n\
             case \" $* \" in *' -c '*hello.c*)\n  \
               [ -e '{once}' ] || {{ echo '/* saved */' >> '{source}'; : > '{once}'; }} ;;\nesac\n\
             exit $status\n",
            once = once.display(),
            source = source.display()
        );
        fs::write(&compiler, script).unwrap();
        fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
        project.set_up(&[&format!("-Dcc={}", compiler.display())]);
        assert_eq!(project.builds(), ["hello"], "{with:?}");
        assert!(once.exists());
        assert_eq!(project.builds(), ["hello"], "{with:?}");
        assert_eq!(project.builds(), NOTHING, "{with:?}");
    }
}

#[test]
fn the_setup_runs_again_if_a_file_changes_that_decided_an_answer() {
    let files = [
        (
            "meson.build",
            "project('asked', meson_version: '>=1.0')\n\
             kernel = import('kbuild').kernel()\n\
             own = include_directories('include')\n\
             kernel.has_member('struct own', 'first', prefix: '#include <own.h>', include_directories: own)\n\
             kernel.compiles(files('asks.c'), name: 'asks.c')\n",
        ),
        ("include/own.h", "struct own { int first; };\n"),
        ("asks.c", "int x;\n"),
    ];
    let project = Project::new(CORNERS[0], &files);
    let said = project.set_up(&[]);
    assert!(said.contains("has member \"first\" : YES"), "{said}");
    assert!(
        said.contains("Checking if \"asks.c\" compiles: YES"),
        "{said}"
    );
    let again = || built(&mut project.ninja(&[])).out();
    assert!(!again().contains("asks.c"));
    project.edit("include/own.h", "first", "second");
    let said = again();
    assert!(said.contains("has member \"first\" : NO"), "{said}");
    project.edit("asks.c", "int x", "this is not C");
    let said = again();
    assert!(
        said.contains("Checking if \"asks.c\" compiles: NO"),
        "{said}"
    );
    assert!(!again().contains("asks.c"));
}

#[test]
fn a_header_that_a_rule_makes_for_another_module_reaches_its_users_in_one_build() {
    let files = [
        (
            "meson.build",
            "project('shared', meson_version: '>=1.0')\n\
             kbuild = import('kbuild')\n\
             header = custom_target(input: 'ring.txt', output: 'ring-made.h',\n  \
               command: ['cp', '@INPUT@', '@OUTPUT@'])\n\
             ring = kbuild.module('ring', 'ring.c', header)\n\
             kbuild.module('user', 'user.c', depends: ring)\n",
        ),
        ("ring.txt", "#define RING \"one\"\n"),
        (
            "ring.c",
            "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n",
        ),
        (
            "user.c",
            "#include <linux/module.h>\n#include <ring-made.h>\n\
             MODULE_INFO(ring, RING);\nMODULE_LICENSE(\"GPL\");\n",
        ),
    ];
    let project = Project::new(CORNERS[0], &files);
    project.set_up(&[]);
    assert_eq!(project.builds(), ["ring", "user"]);
    assert_eq!(project.builds(), NOTHING);
    project.edit("ring.txt", "one", "two");
    // The provider does not read the file, but Ninja starts its rule, because the file is one of
    // its sources.
    assert_eq!(project.builds(), ["ring", "user"]);
    let module = fs::read(project.out("user.ko")).unwrap();
    assert!(module.windows(8).any(|text| text == b"ring=two"));
    assert_eq!(project.builds(), NOTHING);
}

#[test]
fn a_meson_build_that_changes_keeps_the_kernel_of_the_first_setup() {
    let files = [
        (
            "meson.build",
            "project('again', meson_version: '>=1.0')\n\
             kbuild = import('kbuild')\n\
             message('kernel', kbuild.kernel().release())\n",
        ),
        ("hello.c", HELLO),
    ];
    let project = Project::new(CORNERS[1], &files);
    project.set_up(&[]);
    assert_eq!(project.builds(), NOTHING);
    // A new configuration repeats the project's questions about the kernel.
    let watched = built(&mut project.ninja(&["-t", "query", "build.ninja"])).out();
    let configuration = project.kernel().kdir.join("include/config/auto.conf");
    assert!(
        watched.contains(configuration.to_str().unwrap()),
        "{watched}"
    );
    project.edit("meson.build", "message", "# another one\nmessage");
    // Ninja sets the project up again in any environment.
    let mut ninja = project.ninja(&[]);
    let output = built(ninja.env(KDIR, "/no/such/tree"));
    let said = format!("kernel {}", project.kernel().release);
    assert!(output.out().contains(&said), "{}", output.out());

    // The kernel does not exist any more.
    fs::write(project.out("meson-private/kbuild-kernel"), "/gone").unwrap();
    let output = project.setup(&["--reconfigure"]);
    let said = output.out() + &output.err();
    assert!(!output.status.success(), "{said}");
    let wanted = "the kernel tree /gone does not exist";
    let remedy =
        "The first setup chose this kernel tree. To search again, run `meson setup --wipe`";
    assert!(said.contains(wanted) && said.contains(remedy), "{said}");
}

#[test]
fn a_tree_that_holds_the_build_folder_is_built_without_it() {
    let files = [
        (
            "meson.build",
            "project('tree', meson_version: '>=1.0')\n\
             import('kbuild').module('hello', kbuild: '.')\n",
        ),
        ("Kbuild", "obj-m := hello.o\n"),
        ("hello.c", HELLO),
    ];
    // Newer Mesons mark their build folders as caches, which are always left out.
    let project = Project::new(CORNERS[0], &files).below_source();
    project.set_up(&[]);
    assert_eq!(project.builds(), ["hello"]);
    assert_eq!(project.builds(), NOTHING);
    let made_from = built(&mut project.ninja(&["-t", "deps", "hello.ko"])).out();
    assert!(made_from.contains("/hello.c\n"), "{made_from}");
    assert!(!made_from.contains("build.ninja"), "{made_from}");
}
