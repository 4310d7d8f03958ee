//! Drivers of the kernel's own source, 6.1's, built out of tree for a kernel that is older and for
//! one that is newer.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use kbuild::{Build, Config, Report};
use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::snapshot::Snapshot;

use crate::support::*;

const CB710: &str = "drivers/misc/cb710";
const BRCM: &str = "drivers/net/wireless/broadcom/brcm80211";

/// One file, and a folder with several objects: the program, called where `drivers` lies.
fn programs(kernel: &LabKernel, source: &Path, out: &Path) -> [Command; 2] {
    let dummy = "--name dummy drivers/net/dummy.c";
    let cb710 = format!("{CB710} --config CB710_CORE=m --config CB710_DEBUG=y");
    let [mut dummy, cb710] = [dummy, &cb710].map(|words| {
        let mut command = build(kernel, out);
        command.args(words.split(' ')).current_dir(source);
        command
    });
    if has_lltx_elsewhere(kernel) {
        dummy.args(["-D", "NETIF_F_LLTX=0"]);
    }
    [dummy, cb710]
}

/// What was a feature's number has become a bit of its own.
fn has_lltx_elsewhere(kernel: &LabKernel) -> bool {
    kernel.name == "6.12"
}

/// A folder whose headers lie in another one: the library. Its Makefile looks for them below the
/// kernel's source.
fn with_the_library(kernel: &LabKernel, source: &Path, out: &Path) -> Report {
    let mut build = Build::tree(source.join(BRCM).join("brcmutil"));
    build
        .root("..")
        .include(source.join(BRCM).join("include"))
        .config("BRCMUTIL", Config::Module)
        .kernel(&kernel.kdir)
        .out_dir(out)
        .cargo_metadata(false);
    let (name, value) = PAHOLE.split_once('=').unwrap();
    build.make_var(name, value);
    if let Some(cc) = &kernel.cc {
        build.cc(cc);
    }
    build.try_compile("brcmutil").unwrap()
}

/// The same by hand, all three at once.
fn plainly(kernel: &LabKernel, source: &Path) -> BTreeMap<String, Vec<u8>> {
    let by_hand = tempfile::tempdir().unwrap();
    copy(&source.join("drivers"), by_hand.path());
    let kbuild =
        format!("obj-m := dummy.o {CB710}/ {BRCM}/brcmutil/\ndummy-y := drivers/net/dummy.o\n");
    write(by_hand.path(), &[("Kbuild", &kbuild)]);
    let mut flags = format!("KCPPFLAGS=-I$(M)/{BRCM}/include -DCONFIG_CB710_DEBUG=1");
    if has_lltx_elsewhere(kernel) {
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
        let mut programs = programs(&kernel, &source, out.path());
        programs.iter_mut().for_each(|p| drop(built(p)));
        with_the_library(&kernel, &source, out.path());
        let ours = modules(out.path());
        let names: Vec<_> = ours.keys().collect();
        assert_eq!(names, ["brcmutil.ko", "cb710.ko", "dummy.ko"]);
        assert_same_modules(&ours, &plainly(&kernel, &source), &kernel.release);
        for program in &mut programs {
            assert!(!started_make(&built(program)), "{program:?}");
        }
        assert!(with_the_library(&kernel, &source, out.path()).is_fresh());
    }
    let after = Snapshot::take_with_content(&source).unwrap();
    assert_eq!(before.differences(&after), Vec::<String>::new());
}
