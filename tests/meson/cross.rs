//! Cross builds: the cross file decides.

use std::fs;
use std::process::Command;

use kbuild_tests::{lab, run};

use crate::project::*;
use crate::support::*;

#[test]
fn a_cross_file_decides_the_kernel_the_architecture_and_the_compiler() {
    if !lab::has_arm64() {
        println!("not run: the lab has a tree for arm64 on Debian only");
        return;
    }
    let tree = lab::arm64().unwrap();
    let cross = crate::guide::shown("arm64.ini")
        .replace("/src/linux-arm64", tree.kdir.to_str().unwrap())
        .replace("aarch64-linux-gnu-", tree.cross_compile);
    let files = [
        (
            "meson.build",
            // The tree is only prepared.
            "project('cross', meson_version: '>=1.0')\n\
             kbuild = import('kbuild')\n\
             kernel = kbuild.kernel(missing_symvers: 'warn')\n\
             assert(kernel.arch() == 'arm64')\n\
             kbuild.module('hello', 'hello.c', kernel: kernel)\n",
        ),
        ("arm64.ini", &*cross),
        ("hello.c", HELLO),
    ];
    for with in corners(1) {
        let project = Project::new(with, &files);
        let file = project.source().join("arm64.ini");
        let mut setup = project.setup_command(&["--cross-file", file.to_str().unwrap()]);
        built(&mut setup);
        let mut ninja = project.ninja(&[]);
        built(ninja.env_remove("KBUILD_RS_CC"));
        let module = fs::read(project.out("hello.ko")).unwrap();
        // e_machine of the ELF header is EM_AARCH64.
        assert_eq!(module[18..20], 183_u16.to_le_bytes(), "{with:?}");
        let commands = fs::read_to_string(project.out("compile_commands.json")).unwrap();
        let compiler = format!("{}gcc", tree.cross_compile);
        assert!(commands.contains(&compiler), "{commands}");
    }
}

#[test]
fn the_compiler_of_the_cross_file_becomes_the_kernels_own_variables() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    for (c, wanted) in [
        (
            "'x86_64-linux-gnu-gcc'",
            "--cross-compile\nx86_64-linux-gnu-\n",
        ),
        (
            "['ccache', '/opt/x/bin/x86_64-linux-gnu-gcc-12', '-m64']",
            "--cross-compile\n/opt/x/bin/x86_64-linux-gnu-\n\
             --cc\nccache /opt/x/bin/x86_64-linux-gnu-gcc-12\n",
        ),
        ("'clang'", "--llvm\n1\n"),
        ("'clang-19'", "--llvm\n-19\n"),
        (
            "['/opt/llvm/bin/clang', '--target=x86_64']",
            "--llvm\n/opt/llvm/bin/\n",
        ),
        ("'cc'", ""),
    ] {
        let cross = format!(
            "[binaries]\nc = {c}\n\n[host_machine]\nsystem = 'linux'\ncpu_family = 'x86_64'\n\
             cpu = 'x86_64'\nendian = 'little'\n"
        );
        let files = [
            (
                "meson.build",
                "project('cross', meson_version: '>=1.0')\n\
                 import('kbuild').module('hello', 'hello.c')\n",
            ),
            ("cross.ini", &*cross),
            ("hello.c", HELLO),
        ];
        let project = Project::new(CORNERS[1], &files);
        let file = project.source().join("cross.ini");
        let kdir = kernel.kdir.to_str().unwrap();
        built(&mut project.setup_command(&["--cross-file", file.to_str().unwrap()]));
        let told = fs::read_to_string(project.out("meson-private/kbuild/hello.args")).unwrap();
        let wanted = format!("--kernel\n{kdir}\n--arch\nx86_64\n{wanted}--missing-symvers\n");
        assert!(told.contains(&wanted), "{c}: {told}");
    }
}

#[test]
fn another_architecture_is_refused_by_the_setup() {
    let files = [
        (
            "meson.build",
            "project('cross', meson_version: '>=1.0')\nkbuild = import('kbuild')\n\
             kernel = kbuild.kernel()\n",
        ),
        (
            "cross.ini",
            "[binaries]\nc = 'cc'\n\n[host_machine]\nsystem = 'linux'\ncpu_family = 'aarch64'\n\
             cpu = 'aarch64'\nendian = 'little'\n",
        ),
    ];
    for with in corners(0) {
        let project = Project::new(with, &files);
        let file = project.source().join("cross.ini");
        let cross = ["--cross-file", file.to_str().unwrap()];
        let refused = |command: &mut Command| {
            let output = run::run(command, LIMIT).unwrap();
            let said = format!("{}{}", output.out(), output.err());
            assert!(!output.status.success(), "{said}");
            assert!(
                said.contains("asks for 64-bit arm64, but the kernel tree"),
                "{said}"
            );
        };
        refused(&mut project.setup_command(&cross));
        refused(project.setup_command(&[]).env("ARCH", "arm64"));
        built(project.setup_command(&[]).env("ARCH", "amd64"));
    }
}

#[test]
fn a_module_for_another_kernel_is_not_a_provider() {
    let [_, other, ..] = lab::names() else {
        println!("not run: there is one kernel here");
        return;
    };
    let other = lab::kernel(other).unwrap();
    let files = [
        (
            "meson.build",
            "project('two', meson_version: '>=1.0')\n\
             kbuild = import('kbuild')\n\
             ring = kbuild.module('ring', 'hello.c')\n\
             kbuild.module('user', 'hello.c', depends: ring,\n  \
               kernel: kbuild.kernel(dir: get_option('other')))\n",
        ),
        ("meson_options.txt", "option('other', type: 'string')\n"),
        ("hello.c", HELLO),
    ];
    let project = Project::new(CORNERS[0], &files);
    let output = project.setup(&[&format!("-Dother={}", other.kdir.display())]);
    assert!(!output.status.success());
    let wanted = format!(
        "kbuild.module('user'): it is built for {}, but 'ring' is built for {}: use the same kernel for both",
        other.release,
        project.kernel().release
    );
    let said = output.out() + &output.err();
    assert!(said.contains(&wanted), "no {wanted} in\n{said}");
}
