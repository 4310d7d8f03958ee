//! The modules that are installed: some have the names of modules of the kernel's own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::{plain, run};

/// Modules that the kernel has too: `dummy`, `nlmon` and `ifb`.
pub(crate) const IN_TREE: &[&str] = &["dummy", "nlmon", "ifb"];

/// All that are built. `kt_top` depends on `kt_base` and on the kernel's `crc8`.
pub(crate) const ALL: &[&str] = &["dummy", "nlmon", "ifb", "kt_dkms", "kt_base", "kt_top"];

/// What each says of its version: of a version number, the last digit is replaced.
const VERSION: &[u8] = b"version=kt-1\0";

const SOURCE: &str = r#"#include <linux/module.h>
BODY
static int __init kt_init(void) { pr_info("hello from " KBUILD_MODNAME "\n"); return 0; }
static void __exit kt_exit(void) { }
module_init(kt_init);
module_exit(kt_exit);
MODULE_VERSION("kt-1");
MODULE_ALIAS("kt-alias-@NAME@");
MODULE_DESCRIPTION("A test");
MODULE_LICENSE("GPL");
"#;

const BASE: &str =
    "int kt_value(void);\nint kt_value(void) { return 4; }\nEXPORT_SYMBOL(kt_value);";
const TOP: &str = "#include <linux/crc8.h>\nint kt_value(void);\nint kt_use(u8 *table);\n\
    int kt_use(u8 *table) { crc8_populate_msb(table, 7); return kt_value(); }";

/// The modules of a kernel, by their names.
type Built = Arc<BTreeMap<String, Vec<u8>>>;

/// Built once for each kernel.
static BUILT: Mutex<BTreeMap<&'static str, Built>> = Mutex::new(BTreeMap::new());

/// The bytes that plain make gives.
fn built(kernel: &LabKernel) -> Built {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || Arc::new(make(kernel));
    Arc::clone(built.entry(kernel.name).or_insert_with(make))
}

fn make(kernel: &LabKernel) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let mut kbuild = String::new();
    for name in ALL {
        let body = match *name {
            "kt_base" => BASE,
            "kt_top" => TOP,
            _ => "",
        };
        let text = SOURCE.replace("BODY", body).replace("@NAME@", name);
        fs::write(folder.path().join(format!("{name}.c")), text).unwrap();
        writeln!(kbuild, "obj-m += {name}.o").unwrap();
    }
    fs::write(folder.path().join("Kbuild"), kbuild).unwrap();
    let mut make = kernel.plain_make(folder.path());
    // BTF would take most of the time, and nothing here looks at it.
    make.args(["-j2", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"]);
    run::checked(&mut make, Duration::from_secs(120)).unwrap();
    let modules = plain::modules(folder.path()).unwrap();
    modules
        .into_iter()
        .map(|(file, bytes)| (file.trim_end_matches(".ko").to_owned(), bytes))
        .collect()
}

/// The bytes of a module in a version from 1 to 9.
pub(crate) fn bytes(kernel: &LabKernel, name: &str, version: u32) -> Vec<u8> {
    let mut bytes = built(kernel)[name].clone();
    let at = digit(&bytes);
    bytes[at] = b'0' + u8::try_from(version).unwrap();
    bytes
}

/// The version of which these are the bytes; `None` if they are not a whole module.
pub(crate) fn version_of(kernel: &LabKernel, name: &str, bytes: &[u8]) -> Option<u32> {
    let at = digit(&built(kernel)[name]);
    let version = char::from(*bytes.get(at)?).to_digit(10)?;
    (self::bytes(kernel, name, version) == bytes).then_some(version)
}

/// The place of the version's digit.
fn digit(module: &[u8]) -> usize {
    let mut places = module.windows(VERSION.len());
    places.position(|part| part == VERSION).unwrap() + VERSION.len() - 2
}

/// The bytes of a module under another name of the same length.
pub(crate) fn renamed(kernel: &LabKernel, name: &str, other: &str) -> Vec<u8> {
    assert_eq!(name.len(), other.len());
    let mut bytes = bytes(kernel, name, 1);
    let mut at = 0;
    while let Some(next) = bytes[at..]
        .windows(name.len())
        .position(|part| part == name.as_bytes())
    {
        at += next + name.len();
        bytes[at - name.len()..at].copy_from_slice(other.as_bytes());
    }
    bytes
}

/// An output folder with modules of one version.
pub(crate) fn output(kernel: &LabKernel, names: &[&str], version: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        write(folder.path(), kernel, name, version);
    }
    folder
}

/// Writes a module into a folder.
pub(crate) fn write(folder: &Path, kernel: &LabKernel, name: &str, version: u32) -> PathBuf {
    let path = folder.join(format!("{name}.ko"));
    fs::write(&path, bytes(kernel, name, version)).unwrap();
    path
}
