//! The power of a guest is cut while it installs into its disk: the next call finds the old modules
//! or the new ones.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kbuild_tests::lab::packages;
use kbuild_tests::random::Random;
use kbuild_tests::{run, scope};
use kbuild_vm::{Guest, Verdict};
use tempfile::TempDir;

use crate::guest::{self, with_kmods, with_program};
use crate::modules;
use crate::world::World;

/// Each boot after the first finds the disk as a power cut has left it. The script checks the modules,
/// makes a call about another module, checks everything, and repeats calls until the next cut.
const SCRIPT: &str = r#"
fail() { echo "FAILED: $*"; find /mnt/lib/modules /mnt/var/lib /mnt/etc/depmod.d -type f | grep -v /kernel/; exit 1; }
mkdir -p /mnt
for module in virtio_pci virtio_blk crc32c_generic ext4; do modprobe-30 $module; done
mount -t ext4 /dev/vda /mnt || fail mount
modules=/mnt/lib/modules/$(uname -r)
# Which version of a module is there: 1, 2 or none.
version() {
    set -- $1 $modules/updates/$1.ko*
    [ -e "$2" ] || { echo none; return; }
    case $2 in *.xz) unxz -c "$2" >/tmp/$1;; *) cp "$2" /tmp/$1;; esac
    for v in 1 2; do cmp -s /tmp/$1 /out/$v/$1.ko && { echo $v; return; }; done
    echo broken
}
right() {
    [ "$(version dummy)" = "$(version kt_base)" ] || fail "dummy $(version dummy), kt_base $(version kt_base)"
    for name in dummy kt_base; do
        case $(version $name) in
        broken) fail "$name is broken";;
        none) grep -q "^updates/$name" $modules/modules.dep && fail "$name is in modules.dep";;
        *) grep -q "^updates/$name.ko" $modules/modules.dep || fail "$name is not in modules.dep";;
        esac
    done
    kbuild-rs verify --root /mnt || fail verify
    left=$(find /mnt/lib/modules/ /mnt/etc/depmod.d -name '.?*'; find /mnt/var/lib/kbuild-rs -name '*.part' -o -name '*pending*')
    [ -z "$left" ] || fail "left: $left"
}
echo "found dummy $(version dummy) kt_base $(version kt_base)"
[ "$(version dummy)" != broken ] && [ "$(version kt_base)" != broken ] || fail broken
if [ -e $modules/updates ] && ls $modules/updates | grep -q ifb; then
    kbuild-rs uninstall --root /mnt ifb || fail "uninstall ifb"
else
    kbuild-rs install --root /mnt /out/1/ifb.ko || fail "install ifb"
fi
right
echo "@cut"
[ "$LAST" = 1 ] && { umount /mnt; exit 0; }
while :; do
    for v in 1 2; do
        kbuild-rs install --root /mnt /out/$v/dummy.ko /out/$v/kt_base.ko || fail "install $v"
    done
    kbuild-rs uninstall --root /mnt dummy kt_base || fail uninstall
done
"#;

/// Longer than one call in a guest, of which there are three kinds.
const LONGEST: Duration = Duration::from_millis(6000);

#[test]
fn after_a_power_cut_the_next_call_finds_the_old_or_the_new_modules() {
    packages::install(&["e2fsprogs"]).unwrap();
    let Some(world) = World::here() else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let disk = scratch.path().join("disk.img");
    let mut mke2fs = Command::new("/sbin/mke2fs");
    mke2fs.args(["-q", "-t", "ext4", "-d"]).arg(&world.root);
    run::checked(mke2fs.arg(&disk).arg("48M"), Duration::from_secs(60)).unwrap();
    let outputs =
        [1, 2].map(|version| modules::output(&world.kernel, &["dummy", "kt_base", "ifb"], version));
    let mut random = Random::new();
    let cuts = if scope::is_full() { 20 } else { 2 };
    for cut in 0..=cuts {
        let after = Duration::from_millis(random.below(LONGEST.as_millis() as u64));
        let what = format!("seed {}, cut {cut} after {after:?}", random.seed);
        let guest = guest(&world, &outputs, &disk, &scratch);
        if cut == cuts {
            let verdict = guest.script(format!("LAST=1\n{SCRIPT}")).run().unwrap();
            assert!(verdict.ok, "{what}{}", said(&verdict));
        } else {
            let verdict = guest.script(SCRIPT).cut_power("@cut", after).unwrap();
            assert!(verdict.is_none(), "{what}{}", said(&verdict.unwrap()));
        }
    }
}

fn said(verdict: &Verdict) -> String {
    format!("\n{}\n{}", verdict.text, verdict.log)
}

fn guest(world: &World, outputs: &[TempDir], disk: &Path, scratch: &TempDir) -> Guest {
    let mut guest = world.kernel.guest().unwrap();
    guest = with_kmods(guest, &["30"], scratch)
        .tree(&world.root)
        .disk(disk);
    for program in [
        kbuild_tests::program::path().unwrap(),
        Path::new("/usr/bin/xz"),
    ] {
        guest = with_program(guest, program, scratch);
    }
    for (version, output) in (1..).zip(outputs) {
        for name in ["dummy", "kt_base", "ifb"] {
            let file = output.path().join(format!("{name}.ko"));
            guest = guest.file(format!("/out/{version}/{name}.ko"), file);
        }
    }
    let depmod = scratch.path().join("depmod");
    guest::executable(&depmod, "#!/bin/sh\nexec depmod-30 \"$@\"\n");
    guest
        .file("/bin/depmod", depmod)
        .timeout(Duration::from_secs(120))
}
