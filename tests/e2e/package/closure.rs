//! Packages for images without the kernel's package: its modules that ours need come with them.

use std::fs;

use super::{Modules, extracted};
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

fn modules() -> Modules {
    let files = [
        ("rings/Kbuild", "obj-m := stick.o\n"),
        ("rings/stick.c", USB),
    ];
    Modules::built("6.12", &files)
}

#[test]
fn the_modules_of_the_kernel_that_a_module_needs_come_with_it() {
    let modules = modules();
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
    let modules = modules();
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
