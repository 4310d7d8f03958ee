//! Real modules, the examples' and one of our own: byte for byte what plain make gives, and each
//! of them works in the kernel that it was built for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild_tests::lab::vm::Guest;
use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::support::*;

/// Modules that were built, under the names that they are loaded by.
type Loadable = BTreeMap<String, PathBuf>;

/// In the order in which they are loaded; on the kernel 6.12 digimend's bear other names.
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
load own
load v4l2loopback devices=1 video_nr=7 card_label=lab
grep -q lab /sys/class/video4linux/video7/name || fail 'no /dev/video7'
[ -c /dev/video7 ] || fail '/dev/video7 is no device'
for driver in $DIGIMEND; do load $driver; done
ls /sys/bus/hid/drivers

for name in $DIGIMEND v4l2loopback own baz bar foo hello; do
    rmmod $(echo $name | tr - _) || fail "rmmod $name"
done
[ ! -e /dev/video7 ] || fail '/dev/video7 is still there'
grep -E '^(hello|foo|bar|baz|own|v4l2loopback|hid_(kye|uclogic|polostar|viewsonic|digimend))' \
    /proc/modules && fail 'still loaded'
exit 0
"#;

#[test]
fn real_modules_have_the_bytes_of_plain_make_and_load_work_and_unload_on_every_kernel() {
    for kernel in lab::kernels().unwrap() {
        let mut outs = Vec::new();
        let mut loadable = Loadable::new();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("examples");
        let own = folder(&[("own.c", HELLO), ("Kbuild", "obj-m := own.o\n")]);
        // A kernel may be too new for the sources of the distribution's own release: Debian 12's
        // of both do not compile on 6.12 with plain make either. source_for gives those that do.
        let v4l2loopback = lab::source_for("v4l2loopback-dkms", &kernel).unwrap();
        let digimend = lab::source_for("digimend-dkms", &kernel).unwrap();
        for (tree, count) in [
            (own.path(), 1),
            (&examples.join("cargo-tree/driver"), 3),
            (&v4l2loopback, 1),
            (&digimend, 4),
        ] {
            outs.push(tree_as_plain_make(&kernel, tree));
            assert_eq!(names(&outs[outs.len() - 1]).len(), count, "{tree:?}");
        }
        outs.push(hello_as_plain_make(&kernel, &examples.join("cargo-hello")));
        for out in &outs {
            loadable.extend(names(out));
        }
        load(&kernel, &loadable);
    }
}

/// Builds a module tree and compares; gives the output directory.
fn tree_as_plain_make(kernel: &LabKernel, tree: &Path) -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let before = Snapshot::take_with_content(tree).unwrap();
    let output = built(build(kernel, out.path()).arg(tree));
    assert!(started_make(&output));
    let after = Snapshot::take_with_content(tree).unwrap();
    assert_eq!(before.differences(&after), Vec::<String>::new(), "{tree:?}");
    let plain = plain_modules(kernel, tree, "", &tree.canonicalize().unwrap(), &[]);
    assert_same_modules(&modules(out.path()), &plain, &format!("{tree:?}"));
    out
}

/// The same for the module that the example declares; by hand it is a Kbuild of two lines.
fn hello_as_plain_make(kernel: &LabKernel, package: &Path) -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let mut ours: Command = build(kernel, out.path());
    ours.current_dir(package)
        .args(["--name", "hello", "module/hello.c"]);
    built(&mut ours);
    let kbuild = "obj-m := hello.o\nhello-y := module/hello.o\n";
    let by_hand = folder(&[("Kbuild", kbuild)]);
    copy(&package.join("module"), by_hand.path());
    let mapped = package.canonicalize().unwrap();
    let plain = plain_modules(kernel, by_hand.path(), "", &mapped, &[]);
    assert_same_modules(&modules(out.path()), &plain, "cargo-hello");
    out
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
    let mut guest = Guest::new(kernel)
        .module_dependencies(&["videodev", "hid", "usbhid"])
        .script(format!("DIGIMEND='{}'\n{SCRIPT}", digimend.join(" ")))
        .timeout(Duration::from_secs(180));
    for (name, path) in loadable {
        guest = guest.file(format!("/m/{name}"), path);
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
        "hello from own",
        "bye from own",
        "loopback driver version",
    ] {
        assert!(console.log.contains(line), "no `{line}`: {about}");
    }
    for driver in ["uclogic", "kye", "viewsonic", "polostar"] {
        assert!(console.text.contains(driver), "no driver {driver}: {about}");
    }
}
