//! Without the module for Meson: the program from a wrap, and kernel modules as ordinary custom
//! targets.

use std::fs;
use std::os::unix::fs::symlink;

use crate::project::*;
use crate::support::*;

const NOTHING: [&str; 0] = [];

const RING: &str = "#include <linux/module.h>\n#include <ring.h>\n\
    int ring_push(int value) { return value; }\n\
    EXPORT_SYMBOL_GPL(ring_push);\nMODULE_LICENSE(\"GPL\");\n";

const USER: &str = "#include <linux/module.h>\n#include <ring.h>\n\
    int user_push(void);\nint user_push(void) { return ring_push(1); }\n\
    MODULE_LICENSE(\"GPL\");\n";

#[test]
fn plain_custom_targets_are_built_again_as_exactly() {
    for with in corners(0) {
        let files = [
            ("meson.build", MODULES),
            ("meson_options.txt", "option('kdir', type: 'string')\n"),
            ("ring.c", RING),
            ("user.c", USER),
            ("include/ring.h", "int ring_push(int value);\n"),
        ];
        let project = Project::new(with, &files);
        project.set_up(&[&format!("-Dkdir={}", project.kernel().kdir.display())]);
        assert_eq!(project.builds(), ["ring", "user"], "{with:?}");
        assert_eq!(project.builds(), NOTHING, "{with:?}");
        project.edit("ring.c", "return value", "return 1 + value");
        assert_eq!(project.builds(), ["ring"], "{with:?}");
        project.edit("include/ring.h", "int ring_push", "extern int ring_push");
        assert_eq!(project.builds(), ["ring", "user"], "{with:?}");
        assert_eq!(project.builds(), NOTHING, "{with:?}");
        let user = kbuild::ModuleInfo::read(project.out("user.ko")).unwrap();
        assert_eq!(user.depends, ["ring"]);
    }
}

const MODULES: &str = "\
project('plain', meson_version: '>=1.0')

kbuild_rs = find_program('kbuild-rs', native: true)
build = [
  kbuild_rs, 'build', '--quiet',
  '--kernel', get_option('kdir'),
  '--pool-dir', '@BUILD_ROOT@',
  '--out-dir', '@PRIVATE_DIR@',
  '--output', '@OUTPUT0@',
  '--output', '@OUTPUT1@',
  '--depfile', '@DEPFILE@',
  '-I', meson.current_source_dir() / 'include',
]

ring = custom_target('ring',
  input: 'ring.c',
  output: ['ring.ko', 'ring.symvers'],
  depfile: 'ring.ko.d',
  command: [build, '--name', 'ring', '@INPUT@'],
  build_by_default: true,
)
user = custom_target('user',
  input: ['user.c', ring[1]],
  output: ['user.ko', 'user.symvers'],
  depfile: 'user.ko.d',
  command: [build, '--symvers', '@INPUT1@', '--name', 'user', '@INPUT0@'],
  build_by_default: true,
)
";

#[test]
fn a_wrap_builds_the_program_that_the_path_has_not() {
    for with in corners(1) {
        let files = [
            (
                "meson.build",
                "project('wrapped', meson_version: '>=1.0')\n\
                 import('kbuild').module('hello', 'hello.c')\n",
            ),
            ("hello.c", HELLO),
        ];
        let project = Project::new(with, &files);
        let subprojects = project.source().join("subprojects");
        fs::create_dir_all(&subprojects).unwrap();
        fs::copy(
            root().join("meson-module/kbuild-rs.wrap"),
            subprojects.join("kbuild-rs.wrap"),
        )
        .unwrap();
        symlink(
            root().canonicalize().unwrap(),
            subprojects.join("kbuild-rs"),
        )
        .unwrap();
        fs::remove_file(project.scratch().join("bin/kbuild-rs")).unwrap();
        // The wrap must win over a program of this machine. The target folder has the crates of the
        // tests, so Cargo need not compile them again.
        let mut setup =
            project.setup_command(&["--wrap-mode=forcefallback", "-Dkbuild-rs:profile=dev"]);
        let target = program().ancestors().nth(2).unwrap();
        let said = built(setup.env("CARGO_TARGET_DIR", target)).out();
        assert!(
            said.contains("kbuild-rs| Program cargo found: YES"),
            "{said}"
        );
        built(&mut project.ninja(&[]));
        assert!(project.out("hello.ko").exists());
        let again = built(&mut project.ninja(&[]));
        assert!(again.out().contains("no work to do"), "{}", again.out());
    }
}

#[test]
fn a_program_that_is_missing_or_another_one_is_named() {
    let files = [
        (
            "meson.build",
            "project('failing', meson_version: '>=1.0')\nimport('kbuild').kernel()\n",
        ),
        (
            "missing.ini",
            "[binaries]\nkbuild-rs = '/no/such/program'\n",
        ),
        ("other.ini", "[binaries]\nkbuild-rs = '/bin/echo'\n"),
    ];
    for with in CORNERS {
        let project = Project::new(with, &files);
        for (file, wanted) in [
            ("missing.ini", "cannot run /no/such/program: No such file"),
            (
                "other.ini",
                "/bin/echo cannot describe the kernel: it is not kbuild-rs",
            ),
        ] {
            let file = project.source().join(file);
            let output = project.setup(&["--native-file", file.to_str().unwrap()]);
            let said = output.out() + &output.err();
            assert!(!output.status.success() && said.contains(wanted), "{said}");
        }
    }
}

#[test]
fn the_compilers_messages_name_the_source() {
    let files = [
        (
            "meson.build",
            "project('broken', meson_version: '>=1.0')\n\
             import('kbuild').module('hello', 'hello.c')\n",
        ),
        ("hello.c", "int broken\n"),
    ];
    let project = Project::new(CORNERS[1], &files);
    project.set_up(&[]);
    let output = kbuild_tests::run::run(&mut project.ninja(&[]), LIMIT).unwrap();
    assert!(!output.status.success());
    let source = project.source().canonicalize().unwrap().join("hello.c");
    let wanted = format!("{}:1:1: error: ", source.display());
    let said = output.out() + &output.err();
    assert!(said.contains(&wanted), "no {wanted} in\n{said}");
}
