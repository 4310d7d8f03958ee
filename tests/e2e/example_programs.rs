//! The examples about symbols, ioctls and several kernels: built by Cargo, and run on the kernels
//! that they are built for, all in one boot of each.

use std::collections::BTreeMap;
use std::time::Duration;

use kbuild_tests::lab::{self, vm::Guest};
use kbuild_tests::snapshot::Snapshot;

use crate::chain::{CRATES, chain};
use crate::support::assert_untouched;
use crate::support::project::{Project, root, set_kernel};

const SCRIPT: &str = r#"
fail() { echo "FAILED: $*"; exit 1; }
gone() { ! grep -E '^(ring|recorder|counter|greeter) ' /proc/modules || fail "$1: still loaded"; }

/cargo-symbols || fail cargo-symbols; gone symbols
/cargo-symbols upto=3 || fail cargo-symbols upto=3; gone symbols
/cargo-symbols upto=x && fail 'a wrong parameter is taken'; gone symbols

/cargo-ioctl || fail cargo-ioctl; gone ioctl
/cargo-ioctl 1 2 3 1000 || fail cargo-ioctl; gone ioctl
/cargo-ioctl 1001 && fail 'too much is taken'; gone ioctl
/cargo-ioctl -x && fail 'a wrong number is taken'

/cargo-multi-kernel list || fail list
/cargo-multi-kernel || fail cargo-multi-kernel; gone multi-kernel

insmod /base.ko && insmod /middle.ko && insmod /top.ko || fail 'the chain'
exit 0
"#;

#[test]
fn programs_with_modules_out_of_several_crates_and_for_several_kernels_work_on_each() {
    let kernels = lab::kernels().unwrap();
    let examples = root().join("examples");
    let names = ["cargo-symbols", "cargo-ioctl", "cargo-multi-kernel"];
    let projects: BTreeMap<_, _> = names
        .into_iter()
        .map(|name| (name, Project::at(&examples.join(name))))
        .collect();
    let before: Vec<_> = names
        .iter()
        .map(|name| Snapshot::take(examples.join(name)).unwrap())
        .collect();
    let chain = chain("compile");

    // One program for all of them.
    let several = &projects["cargo-multi-kernel"];
    let mut cargo = several.cargo();
    kernels.iter().for_each(|k| set_kernel(&mut cargo, k));
    let list = std::env::join_paths(kernels.iter().map(|k| &k.kdir)).unwrap();
    several.built(cargo.arg("--locked").env("KDIR", list));

    for kernel in &kernels {
        for name in ["cargo-symbols", "cargo-ioctl"] {
            let project = &projects[name];
            project.built(project.cargo_for(kernel).arg("--locked"));
        }
        let outcome = chain.built(&mut chain.cargo_for(kernel));
        let mut guest = Guest::new(kernel)
            .script(SCRIPT)
            .timeout(Duration::from_secs(120));
        for (name, project) in &projects {
            guest = guest.file(format!("/{name}"), project.program(name));
        }
        for name in CRATES {
            let file = format!("{name}.ko");
            guest = guest.file(format!("/{file}"), outcome.out_dir(name).join(&file));
        }
        let console = guest.run().unwrap();
        let about = format!("{}: {console:#?}", kernel.release);
        assert!(console.ok, "{about}");
        for line in [
            "the numbers up to 8 make 36\n",
            "the numbers up to 3 make 6\n",
            "2 numbers, the largest is 39, together 42\n",
            "4 numbers, the largest is 1000, together 1006\n",
            "cargo-ioctl: /dev/counter will not add 1001: 1000 is the most that it adds at once\n",
            "cargo-ioctl: `-x` is no number (usage: cargo-ioctl [NUMBER]…)\n",
            "cargo-symbols: cannot load recorder: Invalid argument",
            &format!("loading the module for {}\n", kernel.release),
        ] {
            assert!(console.text.contains(line), "no `{line}`: {about}");
        }
        for release in kernels.iter().map(|k| &k.release) {
            assert!(console.text.contains(&format!("{release}\t")), "{about}");
        }
        for line in [
            "recorder: the ring holds 8 numbers, and they make 36\n",
            &format!("greeter: built for {}\n", kernel.release),
            "top: 111\n",
        ] {
            assert!(console.log.contains(line), "no `{line}`: {about}");
        }
    }
    for (name, before) in names.iter().zip(before) {
        assert_untouched(&before, &examples.join(name));
    }
}
