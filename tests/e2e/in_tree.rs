//! Drivers from the kernel source 6.1, built out of tree for an older and for a newer kernel.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use kbuild::{Build, Config, Report};
use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;

use crate::support::*;

const CB710: &str = "drivers/misc/cb710";
const BRCM: &str = "drivers/net/wireless/broadcom/brcm80211";

/// A driver of one file, one with several objects, one whose headers are in another folder.
const DUMMY: &str = "dummy";
const CORE: &str = "cb710";
const UTIL: &str = "brcmutil";

/// The drivers for the older kernel and for the newer one; in the full run, all for both.
fn drivers() -> [(&'static str, &'static [&'static str]); 2] {
    if scope::is_full() {
        let all = &[UTIL, CORE, DUMMY];
        return [("5.10", all), ("6.12", all)];
    }
    [("5.10", &[UTIL, CORE]), ("6.12", &[DUMMY])]
}

/// Builds with the program, called in the folder of `drivers`.
fn with_the_program(kernel: &LabKernel, name: &str, source: &Path, out: &Path) -> Command {
    let mut command = build(kernel, out);
    command.current_dir(source);
    if name == DUMMY {
        command.args(["--name", DUMMY, "drivers/net/dummy.c"]);
        if has_lltx_elsewhere(kernel) {
            command.args(["-D", "NETIF_F_LLTX=0"]);
        }
    } else {
        command.args([CB710, "--config", "CB710_CORE=m", "--config=CB710_DEBUG=y"]);
    }
    command
}

/// Whether the feature's number has become a bit of its own in this kernel.
fn has_lltx_elsewhere(kernel: &LabKernel) -> bool {
    kernel.name == "6.12"
}

/// Builds with the library. The Makefile searches for its headers below the kernel source.
fn with_the_library(kernel: &LabKernel, source: &Path, out: &Path) -> Report {
    let mut build = Build::tree(source.join(BRCM).join("brcmutil"));
    build
        .tree_root("..")
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
    build.try_compile(UTIL).unwrap()
}

/// Builds the same by hand, all at once.
fn plainly(kernel: &LabKernel, names: &[&str], source: &Path) -> BTreeMap<String, Vec<u8>> {
    let by_hand = tempfile::tempdir().unwrap();
    copy(&source.join("drivers"), by_hand.path());
    let mut kbuild = String::from("dummy-y := drivers/net/dummy.o\n");
    for name in names {
        let object = match *name {
            DUMMY => "dummy.o".into(),
            CORE => format!("{CB710}/"),
            _ => format!("{BRCM}/brcmutil/"),
        };
        kbuild.push_str(&format!("obj-m += {object}\n"));
    }
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
    for (name, drivers) in drivers() {
        let kernel = lab::kernel(name).unwrap();
        let out = tempfile::tempdir().unwrap();
        let compile = |again: bool| {
            for name in drivers {
                let is_fresh = if *name == UTIL {
                    with_the_library(&kernel, &source, out.path()).is_fresh()
                } else {
                    let mut program = with_the_program(&kernel, name, &source, out.path());
                    !started_make(&built(&mut program))
                };
                assert_eq!(is_fresh, again, "{name} for {}", kernel.release);
            }
        };
        compile(false);
        let ours = modules(out.path());
        let names: Vec<_> = ours.keys().map(|ko| ko.trim_end_matches(".ko")).collect();
        assert_eq!(names, drivers);
        let plain = plainly(&kernel, drivers, &source);
        assert_same_modules(&ours, &plain, &kernel.release);
        compile(true);
    }
    let after = Snapshot::take_with_content(&source).unwrap();
    assert_eq!(before.differences(&after), Vec::<String>::new());
}
