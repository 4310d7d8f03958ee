//! The program's modules load, work and unload in their kernel. The tests of the examples boot
//! Cargo's builds, and the corpus proves that the bytes are plain make's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::support::project::root;
use crate::support::*;

/// Built modules, by the names under which they are loaded.
type Loadable = BTreeMap<String, PathBuf>;

/// The order of loading. On the kernel 6.12, digimend's modules have other names.
const SCRIPT: &str = r#"
fail() { echo "FAILED: $*"; exit 1; }
load() {
    name=$1; shift
    insmod /m/$name.ko "$@" || fail "insmod $name"
    grep -q "^$(echo $name | tr - _) " /proc/modules || fail "$name is not in /proc/modules"
}

load hello who=everyone
[ "$(cat /sys/module/hello/parameters/who)" = everyone ] || fail 'parameter who'
load foo; load bar; load baz
for driver in $DIGIMEND; do load $driver; done
ls /sys/bus/hid/drivers

for name in $DIGIMEND baz bar foo hello; do
    rmmod $(echo $name | tr - _) || fail "rmmod $name"
done
grep -E '^(hello|foo|bar|baz|hid_(kye|uclogic|polostar|viewsonic|digimend))' \
    /proc/modules && fail 'still loaded'
exit 0
"#;

/// The tests of the examples do not boot the newest kernels.
#[test]
#[allow(clippy::print_stdout, reason = "what did not run, and why")]
fn modules_load_work_and_unload_in_the_newest_kernels_too() {
    for name in ["7.2", "7.3"] {
        match lab::why_not(name) {
            Some(why) => println!("not run: {name}: {why}"),
            None => builds_and_loads(&lab::kernel(name).unwrap(), false),
        }
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "what the default run leaves out")]
fn real_modules_load_work_and_unload_on_every_kernel() {
    if !scope::is_full() {
        println!("in the full run only: see the tests of the examples");
        return;
    }
    for kernel in lab::kernels().unwrap() {
        builds_and_loads(&kernel, true);
    }
}

/// Builds the modules of two examples, and drivers if the kernel has the modules that they depend
/// on.
fn builds_and_loads(kernel: &LabKernel, with_drivers: bool) {
    let examples = root().join("examples");
    let mut trees = vec![(examples.join("cargo-tree/driver"), 3)];
    if with_drivers {
        // A kernel may be too new for the sources of the distribution's own release: Debian 12's do
        // not compile on 6.12 with plain make either. source_for returns sources that do.
        trees.push((lab::source_for("digimend-dkms", kernel).unwrap(), 4));
    }
    let hello = tempfile::tempdir().unwrap();
    let mut declared = build(kernel, hello.path());
    declared.args(["--name", "hello", "module/hello.c"]);
    built(declared.current_dir(examples.join("cargo-hello")));
    let mut outs = vec![hello];
    for (tree, count) in trees {
        let out = tempfile::tempdir().unwrap();
        let before = Snapshot::take_with_content(&tree).unwrap();
        built(build(kernel, out.path()).arg(&tree));
        let after = Snapshot::take_with_content(&tree).unwrap();
        assert_eq!(before.differences(&after), Vec::<String>::new(), "{tree:?}");
        assert_eq!(names(&out).len(), count, "{tree:?}");
        outs.push(out);
    }
    load(kernel, &outs.iter().flat_map(names).collect());
}

fn names(out: &TempDir) -> Loadable {
    let found = modules(out.path()).into_keys();
    found.map(|n| (n.clone(), out.path().join(n))).collect()
}

fn load(kernel: &LabKernel, loadable: &Loadable) {
    let digimend: Vec<_> = loadable
        .keys()
        .filter_map(|name| name.strip_suffix(".ko").filter(|n| n.starts_with("hid-")))
        .collect();
    let guest = kernel.guest().unwrap();
    let mut guest = guest
        .script(format!("DIGIMEND='{}'\n{SCRIPT}", digimend.join(" ")))
        .timeout(Duration::from_secs(180));
    for (name, path) in loadable {
        guest = guest.file(format!("/m/{name}"), path);
    }
    if !digimend.is_empty() {
        guest = guest.module_dependencies(&["hid", "usbhid"]);
    }
    let console = guest.run().unwrap();
    let about = format!("{}:\n{}\n{}", kernel.release, console.text, console.log);
    assert!(console.ok, "{about}");
    for line in [
        "hello: hello, everyone",
        "hello: goodbye, everyone",
        "foo: 14",
        "bar: 28",
        "baz: 42",
    ] {
        assert!(console.log.contains(line), "no `{line}`: {about}");
    }
    let drivers = ["uclogic", "kye", "viewsonic", "polostar"];
    for driver in drivers.iter().filter(|_| !digimend.is_empty()) {
        assert!(console.text.contains(driver), "no driver {driver}: {about}");
    }
}
