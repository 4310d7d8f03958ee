//! Drivers of the kernel's own source, 6.1's, built out of tree for a kernel that is older and for
//! one that is newer.

use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::snapshot::Snapshot;

use crate::support::*;

const CB710: &str = "drivers/misc/cb710";
const BRCM: &str = "drivers/net/wireless/broadcom/brcm80211";

/// What `kbuild-rs build` is told of each, in the folder that holds `drivers`.
fn calls(kernel: &LabKernel) -> [Vec<String>; 3] {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut dummy = words("--name dummy drivers/net/dummy.c");
    if kernel.name == "6.12" {
        // It has become a bit of its own since.
        dummy.extend(words("-D NETIF_F_LLTX=0"));
    }
    [
        dummy,
        words(&format!(
            "{CB710} --config CB710_CORE=m --config CB710_DEBUG=y"
        )),
        words(&format!(
            "{BRCM}/brcmutil --root .. -I {BRCM}/include --config BRCMUTIL=m"
        )),
    ]
}

/// The same by hand, all three at once.
fn plainly(kernel: &LabKernel, source: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let by_hand = tempfile::tempdir().unwrap();
    copy(&source.join("drivers"), by_hand.path());
    let kbuild =
        format!("obj-m := dummy.o {CB710}/ {BRCM}/brcmutil/\ndummy-y := drivers/net/dummy.o\n");
    write(by_hand.path(), &[("Kbuild", &kbuild)]);
    let mut flags = format!("KCPPFLAGS=-I$(M)/{BRCM}/include -DCONFIG_CB710_DEBUG=1");
    if kernel.name == "6.12" {
        flags.push_str(" -DNETIF_F_LLTX=0");
    }
    let args = [
        "CONFIG_CB710_CORE=m",
        "CONFIG_CB710_DEBUG=y",
        "CONFIG_BRCMUTIL=m",
        &flags,
    ];
    plain_modules(kernel, by_hand.path(), "", source, &args)
}

#[test]
fn drivers_of_the_kernels_own_source_build_for_an_older_and_for_a_newer_kernel() {
    let source = match lab::kernel_source("6.1") {
        Ok(source) => source.canonicalize().unwrap(),
        Err(error) => return println!("not run: {error}"),
    };
    let before = Snapshot::take_with_content(&source).unwrap();
    for name in ["5.10", "6.12"] {
        let kernel = lab::kernel(name).unwrap();
        let out = tempfile::tempdir().unwrap();
        let mut commands: Vec<Command> = Vec::new();
        for call in calls(&kernel) {
            let mut command = build(&kernel, out.path());
            command.args(call).current_dir(&source);
            built(&mut command);
            commands.push(command);
        }
        assert_untouched_content(&before, &source);
        let ours = modules(out.path());
        assert_eq!(
            ours.keys().collect::<Vec<_>>(),
            ["brcmutil.ko", "cb710.ko", "dummy.ko"]
        );
        assert_same_modules(&ours, &plainly(&kernel, &source), &kernel.release);
        for command in &mut commands {
            assert!(!started_make(&built(command)), "{command:?}");
        }
    }
}

fn assert_untouched_content(before: &Snapshot, dir: &Path) {
    let now = Snapshot::take_with_content(dir).unwrap();
    assert_eq!(before.differences(&now), Vec::<String>::new());
}
