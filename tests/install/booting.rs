//! Installed, booted, loaded: by name and by alias, with enforced signatures, compressed.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kbuild_tests::{lab, scope};
use kbuild_vm::Guest;

use crate::guest::{FUNCTIONS, with_kmods};
use crate::keys::Keys;
use crate::world::{KERNEL, World, done};

/// docs/install.md says which of them loads a `.ko.zst`, and which a `.ko.gz` ([`GZIP`]).
const LOADS: &str = r#"
loads dummy dummy kt-3
loads kt-alias-dummy dummy kt-3
loads kt_dkms kt_dkms kt-3
loads kt-alias-kt_top kt_top kt-3
[ "$(cat /sys/module/kt_base/version)" = kt-3 ] || fail "kt_base is not ours"
grep -q "^crc8 " /proc/modules || fail "the kernel's crc8 is not loaded"
for modprobe in modprobe-30 modprobe-34; do
    $modprobe ifb && [ "$(cat /sys/module/ifb/version)" = kt-3 ] || fail "$modprobe ifb"
    rmmod ifb
done
busybox modprobe ifb 2>/dev/null && fail "busybox loads a .ko.zst"
"#;

/// A signed `.ko.gz`: busybox unpacks it. Debian's kmod has no zlib and hands it to the kernel, which
/// unpacks only the kind of compression that it is configured for.
const GZIP: &str = r#"
busybox insmod /gz/nlmon.ko.gz || fail "busybox insmod of a .ko.gz"
[ "$(cat /sys/module/nlmon/version)" = kt-4 ] || fail "nlmon.ko.gz"
rmmod nlmon
busybox zcat /gz/nlmon.ko.gz > /tmp/nlmon.ko && insmod-34 /tmp/nlmon.ko || fail "zcat, insmod"
rmmod nlmon
for version in 30 34; do
    depmod-$version --version | grep -q -e -ZLIB || fail "kmod $version has zlib"
    insmod-$version /gz/nlmon.ko.gz 2>/dev/null && fail "kmod $version loads a .ko.gz"
    [ ! -e /sys/module/nlmon ] || fail "nlmon is loaded"
done
"#;

/// The kernel loads modules that are signed with a key of the firmware's, and refuses one without a
/// signature.
#[test]
#[allow(clippy::print_stdout, reason = "what did not run, and why")]
fn the_installed_modules_load_on_a_kernel_that_enforces_signatures() {
    for name in lab::ROOTS {
        if !scope::is_full() && *name != KERNEL {
            continue;
        }
        match lab::why_not(name) {
            Some(why) => println!("not run: {name}: {why}"),
            None => loads_signed(name),
        }
    }
}

fn loads_signed(name: &str) {
    let world = World::new(name);
    let all = [("dummy", 3), ("kt_base", 3), ("kt_top", 3)];
    done(signed(&mut world.install(&all)));
    // Of the kernel's own configuration from 6.12 on.
    let is_compressed = ["6.12", "7.2"].contains(&name);
    let file = world.installed("dummy").unwrap();
    assert_eq!(file.extension().unwrap() == "xz", is_compressed, "{file:?}");
    for (name, program) in [("kt_dkms", "xz"), ("ifb", "zstd")] {
        done(signed(&mut world.install(&[(name, 3)])).args(["--compress", program]));
    }
    done(world.install(&[("nlmon", 3)]).arg("--unsigned"));
    done(&mut world.program("verify"));
    let guest = world.kernel.guest_with(Keys::get().firmware()).unwrap();
    let guest = guest.parameters("module.sig_enforce=1");
    let guest = guest.file("/gz/nlmon.ko.gz", packed_with_gzip(&world));
    passes(&world, guest, &format!("{LOADS}\nrefuses nlmon\n{GZIP}"));
}

/// A module in a root without a kernel, where no depmod looks at it.
fn packed_with_gzip(world: &World) -> PathBuf {
    let root = world.scratch().join("gz");
    let updates = root.join("lib/modules").join(&world.kernel.release);
    let mut install = world.install_into(&root, &[("nlmon", 4)]);
    install.arg("--kernel").arg(&world.kernel.kdir);
    done(signed(&mut install).args(["--compress", "gzip"]));
    updates.join("updates/nlmon.ko.gz")
}

fn signed(command: &mut Command) -> &mut Command {
    let keys = Keys::get();
    let command = command.arg("--sign").arg("--key").arg(keys.key());
    command.arg("--cert").arg(keys.certificate())
}

fn passes(world: &World, guest: Guest, script: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let verdict = with_kmods(guest, lab::KMODS, &scratch)
        .tree(&world.root)
        .script(format!("{FUNCTIONS}\n{script}"))
        .timeout(Duration::from_secs(120))
        .run()
        .unwrap();
    let release = &world.kernel.release;
    assert!(verdict.ok, "{release}:\n{}\n{}", verdict.text, verdict.log);
}

/// Debian's depmod cannot read gzip, and leaves the module out of modules.dep.
#[test]
fn a_module_that_depmod_cannot_read_is_not_installed() {
    let Some(world) = World::here() else {
        return;
    };
    done(&mut world.install(&[("dummy", 1)]));
    let mut install = world.install(&[("dummy", 2)]);
    crate::world::refused(install.args(["--compress", "gzip"]), 1);
    assert_eq!(world.version("dummy"), Some(1));
    world.is_chosen("dummy", "after gzip");
    done(&mut world.program("verify"));
    assert_eq!(world.left_over(), [""; 0]);
}

/// Nothing has changed: depmod does not run.
#[test]
fn an_install_again_starts_no_depmod() {
    let Some(world) = World::here() else {
        return;
    };
    let set = [("dummy", 1), ("kt_base", 1)];
    done(&mut world.install(&set));
    assert_eq!(world.depmod_starts(), 1);
    done(&mut world.install(&set));
    assert_eq!(world.depmod_starts(), 1);
    done(&mut world.install(&[("dummy", 2), ("kt_base", 2)]));
    assert_eq!(world.depmod_starts(), 2);
}
