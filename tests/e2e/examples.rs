//! The projects in `examples/`, built by Cargo and run on their kernels, with a chain of crates and
//! a driver of another author. All of them run in one boot of each kernel.

use std::collections::BTreeMap;
use std::time::Duration;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;

use crate::chain::{CRATES, chain};
use crate::support::project::{Project, root, set_kernel};
use crate::support::{assert_untouched, build, built};

/// A program for the guest, and the words that it and the kernel's log must print.
struct Part {
    name: &'static str,
    script: &'static str,
    says: &'static [&'static str],
    logs: &'static [&'static str],
}

const HELLO: Part = Part {
    name: "cargo-hello",
    script: "/cargo-hello who=everyone || fail cargo-hello; gone hello\n",
    says: &["its parameter `who` is `everyone`\nunloaded\n"],
    logs: &["hello: hello, everyone\n", "hello: goodbye, everyone\n"],
};

const TREE: Part = Part {
    name: "cargo-tree",
    script: "/cargo-tree || fail list\n/cargo-tree load || fail load; gone tree\n",
    says: &["unloaded foo\n"],
    logs: &["foo: 14\n", "bar: 28\n", "baz: 42\n", "foo: gone\n"],
};

const SYMBOLS: Part = Part {
    name: "cargo-symbols",
    script: r#"
/cargo-symbols || fail cargo-symbols; gone symbols
/cargo-symbols upto=3 || fail cargo-symbols upto=3; gone symbols
/cargo-symbols upto=x && fail 'a wrong parameter is taken'; gone symbols
"#,
    says: &[
        "the numbers up to 8 make 36\n",
        "the numbers up to 3 make 6\n",
        "cargo-symbols: cannot load recorder: Invalid argument",
    ],
    logs: &["recorder: the ring holds 8 numbers, and they make 36\n"],
};

const IOCTL: Part = Part {
    name: "cargo-ioctl",
    script: r#"
/cargo-ioctl || fail cargo-ioctl; gone ioctl
/cargo-ioctl 1 2 3 1000 || fail cargo-ioctl; gone ioctl
/cargo-ioctl 1001 && fail 'too much is taken'; gone ioctl
/cargo-ioctl -x && fail 'a wrong number is taken'
"#,
    says: &[
        "2 numbers, the largest is 39, together 42\n",
        "4 numbers, the largest is 1000, together 1006\n",
        "cargo-ioctl: /dev/counter will not add 1001: it adds at most 1000 at once\n",
        "cargo-ioctl: `-x` is not a number (usage: cargo-ioctl [NUMBER]…)\n",
    ],
    logs: &[],
};

/// One program for all kernels: it is built once, and runs on each.
const MULTI: Part = Part {
    name: "cargo-multi-kernel",
    script: "/cargo-multi-kernel list || fail list\n\
        /cargo-multi-kernel || fail cargo-multi-kernel; gone multi-kernel\n",
    says: &[],
    logs: &[],
};

const CHAIN: Part = Part {
    name: "chain",
    script: "insmod /base.ko && insmod /middle.ko && insmod /top.ko || fail 'the chain'\n",
    says: &[],
    logs: &["top: 111\n"],
};

const DRIVER: Part = Part {
    name: "v4l2loopback",
    script: r#"
insmod /v4l2loopback.ko devices=1 video_nr=7 card_label=lab || fail v4l2loopback
grep -q lab /sys/class/video4linux/video7/name || fail 'no /dev/video7'
[ -c /dev/video7 ] || fail '/dev/video7 is no device'
rmmod v4l2loopback || fail 'it stays'
[ ! -e /dev/video7 ] || fail '/dev/video7 is still there'
gone v4l2loopback
"#,
    says: &[],
    logs: &["loopback driver version"],
};

const BEGIN: &str = r#"
fail() { echo "FAILED: $*"; exit 1; }
gone() {
    ! grep -E '^(hello|foo|bar|baz|ring|recorder|counter|greeter|v4l2loopback) ' /proc/modules ||
        fail "$1: still loaded"
}
"#;

/// The parts that are built and run for this kernel. Most of them do not depend on the kernel.
fn parts(kernel: &LabKernel) -> Vec<Part> {
    let of_all = [TREE, SYMBOLS, MULTI, DRIVER];
    let of_one = [HELLO, IOCTL, CHAIN];
    let is_one = scope::is_full() || kernel.name == lab::names()[0];
    let of_one = is_one.then_some(of_one).into_iter().flatten();
    of_all.into_iter().chain(of_one).collect()
}

#[test]
fn the_examples_and_a_driver_of_others_load_work_and_unload() {
    let kernels = scope::oldest_and_newest().unwrap();
    let names = [HELLO, TREE, SYMBOLS, IOCTL, MULTI].map(|part| part.name);
    let example = |name: &str| root().join("examples").join(name);
    let projects: BTreeMap<_, _> = names
        .into_iter()
        .map(|name| (name, Project::at(&example(name))))
        .collect();
    let before = names.map(|name| Snapshot::take(example(name)).unwrap());
    let chain = chain("compile");

    let several = &projects[MULTI.name];
    let mut cargo = several.cargo();
    kernels.iter().for_each(|k| set_kernel(&mut cargo, k));
    let list = std::env::join_paths(kernels.iter().map(|k| &k.kdir)).unwrap();
    several.built(cargo.arg("--locked").env("KDIR", list));

    for kernel in &kernels {
        let out = tempfile::tempdir().unwrap();
        let guest = kernel.guest().unwrap();
        let mut guest = guest.timeout(Duration::from_secs(180));
        let mut script = BEGIN.to_owned();
        let parts = parts(kernel);
        for part in &parts {
            script += part.script;
            if let Some(project) = projects.get(part.name) {
                if part.name != MULTI.name {
                    project.built(project.cargo_for(kernel).arg("--locked"));
                }
                guest = guest.file(format!("/{}", part.name), project.program(part.name));
            } else if part.name == CHAIN.name {
                let outcome = chain.built(&mut chain.cargo_for(kernel));
                for name in CRATES {
                    let file = format!("{name}.ko");
                    guest = guest.file(format!("/{file}"), outcome.out_dir(name).join(&file));
                }
            } else {
                let source = lab::source_for("v4l2loopback-dkms", kernel).unwrap();
                let sources = Snapshot::take(&source).unwrap();
                built(build(kernel, out.path()).arg(&source));
                assert_untouched(&sources, &source);
                let file = "v4l2loopback.ko";
                guest = guest.file(format!("/{file}"), out.path().join(file));
                guest = guest.module_dependencies(&["videodev"]);
            }
        }
        let console = guest.script(script + "exit 0\n").run().unwrap();
        let about = format!("{}: {console:#?}", kernel.release);
        assert!(console.ok, "{about}");
        for part in &parts {
            for line in part.says {
                assert!(console.text.contains(line), "no `{line}`: {about}");
            }
            for line in part.logs {
                assert!(console.log.contains(line), "no `{line}`: {about}");
            }
        }
        let release = &kernel.release;
        let line = format!("loading the module for {release}\n");
        assert!(console.text.contains(&line), "{about}");
        let line = format!("greeter: built for {release}\n");
        assert!(console.log.contains(&line), "{about}");
        for release in kernels.iter().map(|k| &k.release) {
            assert!(console.text.contains(&format!("{release}\t")), "{about}");
        }
    }
    for (name, before) in names.iter().zip(before) {
        assert_untouched(&before, &example(name));
    }
}
