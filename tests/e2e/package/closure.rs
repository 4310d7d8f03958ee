//! Packages for images without the kernel's package: its modules that ours need come with them.

use std::fs;
use std::process::Command;

use kbuild_tests::lab;
use kbuild_tests::snapshot::Snapshot;

use super::modules::{Modules, extracted};
use crate::support::*;

const USB: &str = r#"
#include <linux/module.h>
#include <linux/usb.h>
static int __init stick_init(void) { return usb_disabled() ? -ENODEV : 0; }
static void __exit stick_exit(void) {}
module_init(stick_init);
module_exit(stick_exit);
MODULE_LICENSE("GPL");
"#;

/// `None` where the kernel may have USB built in.
#[allow(clippy::print_stdout, reason = "what did not run, and why")]
fn modules() -> Option<Modules> {
    if let Some(why) = lab::why_not("6.12") {
        println!("not run: {why}");
        return None;
    }
    let files = [
        ("rings/Kbuild", "obj-m := stick.o\n"),
        ("rings/stick.c", USB),
    ];
    Some(Modules::built("6.12", &files))
}

#[test]
fn the_modules_of_the_kernel_that_a_module_needs_come_with_it() {
    let Some(modules) = modules() else { return };
    let folder = modules.kernel.modules.to_str().unwrap();
    let args = [
        "--compress",
        "none",
        "--closure",
        "--kernel-modules",
        folder,
    ];
    let [tar] = &modules.packed("tar", &args)[..] else {
        panic!("one package was asked for");
    };
    let found = extracted(tar);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["stick.ko", "usb-common.ko", "usbcore.ko"]);
    let core = modules
        .kernel
        .modules
        .join("kernel/drivers/usb/core/usbcore.ko");
    assert!(found["usbcore.ko"] == fs::read(core).unwrap());
}

#[test]
fn a_module_that_the_kernel_lacks_is_named_and_no_package_is_written() {
    let Some(modules) = modules() else { return };
    let release = &modules.kernel.release;
    let root = tempfile::tempdir().unwrap();
    let core = format!("lib/modules/{release}/kernel/drivers/usb/core");
    fs::create_dir_all(root.path().join(&core)).unwrap();
    let from = modules
        .kernel
        .modules
        .join("kernel/drivers/usb/core/usbcore.ko");
    fs::copy(from, root.path().join(core).join("usbcore.ko")).unwrap();
    let folder = root.path().to_str().unwrap();
    let args = ["--closure", "--kernel-modules", folder];
    // The call is wrong: another folder has the module.
    let said = refused(&mut modules.package("sysext", &args), 2);
    assert!(said.contains("usb_common, which usbcore needs"), "{said}");
    assert!(!modules.out().exists());
    let said = refused(&mut modules.package("deb", &args), 2);
    assert!(said.contains("--closure with --format deb"), "{said}");
}

#[test]
fn an_image_gets_the_modules_of_the_kernel_that_it_lacks() {
    let Some(modules) = modules() else { return };
    let release = &modules.kernel.release;
    let root = tempfile::tempdir().unwrap();
    let install = || {
        let mut command = Command::new(program());
        command.arg("install").arg(modules.folder());
        command.arg("--root").arg(root.path());
        command.args(["--closure", "--kernel-modules"]);
        command.arg(&modules.kernel.modules);
        built(&mut command).err()
    };
    let folder = root.path().join("lib/modules").join(release);
    let usb = "kernel/drivers/usb";
    let core = format!("{usb}/core/usbcore.ko");
    let common = format!("{usb}/common/usb-common.ko");
    // The root has one of them: that of a package of its own.
    let list = format!("/lib/modules/{release}/{common}\n");
    write(root.path(), &[("var/lib/dpkg/info/linux.list", &list)]);
    fs::create_dir_all(folder.join(&common).parent().unwrap()).unwrap();
    fs::copy(modules.kernel.modules.join(&common), folder.join(&common)).unwrap();
    let before = Snapshot::take_with_content(&folder).unwrap();

    let said = install();
    assert!(folder.join("updates/stick.ko").exists(), "{said}");
    assert!(folder.join(&core).exists(), "{said}");
    let (_, listed) = said.split_once("contains these modules").unwrap();
    assert!(listed.contains(&format!("\n    {core}")), "{said}");
    assert!(listed.contains("\n    updates/stick.ko"), "{said}");
    assert!(!listed.contains(&common), "{said}");

    let said = install();
    assert!(!said.contains("installed usbcore"), "{said}");
    let mut remove = Command::new(program());
    remove
        .args(["uninstall", "--all", "--root"])
        .arg(root.path());
    built(&mut remove);
    let now = Snapshot::take_with_content(&folder).unwrap();
    let changed = before.differences(&now);
    // The folders that had files for a while have other times.
    assert!(
        changed.iter().all(|line| !line.contains(".ko")),
        "{changed:?}"
    );
    assert!(!folder.join("updates").exists() && !folder.join(&core).exists());
}
