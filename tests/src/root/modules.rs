//! The modules that are installed: some have the names of modules of the kernel's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::lab::LabKernel;
use crate::{Result, plain, run};

/// Modules that the kernel has too: `dummy`, `nlmon` and `ifb`.
pub const IN_TREE: &[&str] = &["dummy", "nlmon", "ifb"];

/// All that are built. `kt_top` depends on `kt_base` and on the kernel's `crc8`.
pub const ALL: &[&str] = &["dummy", "nlmon", "ifb", "kt_dkms", "kt_base", "kt_top"];

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
fn built(kernel: &LabKernel) -> Result<Built> {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(modules) = built.get(kernel.name) {
        return Ok(Arc::clone(modules));
    }
    let modules = Arc::new(make(kernel)?);
    built.insert(kernel.name, Arc::clone(&modules));
    Ok(modules)
}

fn make(kernel: &LabKernel) -> Result<BTreeMap<String, Vec<u8>>> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).map_err(|error| format!("{name}: {error}"))
    };
    let mut kbuild = String::new();
    for name in ALL {
        let body = match *name {
            "kt_base" => BASE,
            "kt_top" => TOP,
            _ => "",
        };
        let text = SOURCE.replace("BODY", body).replace("@NAME@", name);
        write(&format!("{name}.c"), &text)?;
        kbuild += &format!("obj-m += {name}.o\n");
    }
    write("Kbuild", &kbuild)?;
    let mut make = kernel.plain_make(folder.path());
    // BTF would take most of the time, and nothing here looks at it.
    make.args(["-j2", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"]);
    run::checked(&mut make, Duration::from_secs(120))?;
    let modules = plain::modules(folder.path())?;
    Ok(modules
        .into_iter()
        .map(|(file, bytes)| (file.trim_end_matches(".ko").to_owned(), bytes))
        .collect())
}

/// The bytes of a module in a version from 1 to 9.
///
/// # Errors
/// If there is no such module, or plain make does not build it.
pub fn bytes(kernel: &LabKernel, name: &str, version: u32) -> Result<Vec<u8>> {
    let built = built(kernel)?;
    let mut bytes = built
        .get(name)
        .cloned()
        .ok_or_else(|| format!("there is no module {name}"))?;
    let at = digit(&bytes).ok_or_else(|| format!("{name} names no version"))?;
    bytes[at] = b'0' + u8::try_from(version % 10).unwrap_or_default();
    Ok(bytes)
}

/// The version of which these are the bytes; `None` if they are not a whole module.
///
/// # Errors
/// As [`bytes`].
pub fn version_of(kernel: &LabKernel, name: &str, bytes: &[u8]) -> Result<Option<u32>> {
    let whole = self::bytes(kernel, name, 1)?;
    let byte = digit(&whole).and_then(|at| bytes.get(at));
    let Some(version) = byte.and_then(|byte| char::from(*byte).to_digit(10)) else {
        return Ok(None);
    };
    Ok((self::bytes(kernel, name, version)? == bytes).then_some(version))
}

/// The place of the version's digit.
fn digit(module: &[u8]) -> Option<usize> {
    let mut places = module.windows(VERSION.len());
    Some(places.position(|part| part == VERSION)? + VERSION.len() - 2)
}

/// The bytes of a module under another name of the same length.
///
/// # Errors
/// As [`bytes`].
pub fn renamed(kernel: &LabKernel, name: &str, other: &str) -> Result<Vec<u8>> {
    let mut bytes = bytes(kernel, name, 1)?;
    if name.len() != other.len() {
        return Err(format!("{name} and {other} are not equally long"));
    }
    let mut at = 0;
    while let Some(next) = bytes[at..]
        .windows(name.len())
        .position(|part| part == name.as_bytes())
    {
        at += next + name.len();
        bytes[at - name.len()..at].copy_from_slice(other.as_bytes());
    }
    Ok(bytes)
}

/// Writes a module into a folder.
///
/// # Errors
/// As [`bytes`]; if it cannot be written.
pub fn write(folder: &Path, kernel: &LabKernel, name: &str, version: u32) -> Result<PathBuf> {
    let path = folder.join(format!("{name}.ko"));
    fs::write(&path, bytes(kernel, name, version)?)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}
