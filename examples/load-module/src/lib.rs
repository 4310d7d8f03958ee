//! Loads a kernel module that travels inside a program, and unloads it.
//!
//! ```no_run
//! # const HELLO: &[u8] = b"";
//! # fn main() -> Result<(), String> {
//! // In a program: const HELLO: &[u8] = include_bytes!(env!("HELLO_KO"));
//! let hello = load_module::load(c"hello", HELLO, "who=everyone")?;
//! // The module is loaded until `hello` is dropped.
//! hello.unload()
//! # }
//! ```
//!
//! The system calls are init_module(2) and delete_module(2), by the crate `rustix`. They take
//! root (`CAP_SYS_MODULE`). Errors are messages for a person.

use std::ffi::{CStr, CString};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::system::{delete_module, init_module};

/// A module in the kernel. Dropping this unloads it.
///
/// Values are dropped in the opposite order in which they were made: a module that uses another
/// one's symbols goes first.
#[derive(Debug)]
#[must_use = "the module is unloaded when this is dropped"]
pub struct Loaded {
    name: &'static CStr,
}

/// Loads a module.
///
/// `name` is the module's own name, as in `/proc/modules`: without `.ko`, with `_` where the file
/// has `-`. `content` is the `.ko` file. `parameters` are those of `insmod` (`a=1 b=x`).
///
/// # Errors
/// If the kernel refuses the module, or `content` is empty: kbuild-rs builds no module when
/// `KBUILD_RS_SKIP` is set.
pub fn load(name: &'static CStr, content: &[u8], parameters: &str) -> Result<Loaded, String> {
    let shown = name.to_string_lossy();
    if content.is_empty() {
        return Err(format!(
            "this program contains no {shown}.ko: it was built with KBUILD_RS_SKIP set; build it \
             again without it"
        ));
    }
    let parameters =
        CString::new(parameters).map_err(|_| "a parameter contains a NUL byte".to_owned())?;
    match init_module(content, &parameters) {
        Ok(()) => Ok(Loaded { name }),
        Err(error) => {
            let advice = advice(error, content);
            Err(format!("cannot load {shown}: {error}; {advice}"))
        }
    }
}

impl Loaded {
    /// The module's name.
    pub fn name(&self) -> &'static CStr {
        self.name
    }

    /// Unloads the module.
    ///
    /// # Errors
    /// If the kernel keeps it, mostly because something uses it.
    pub fn unload(self) -> Result<(), String> {
        let name = self.name;
        std::mem::forget(self);
        delete(name).map_err(|error| format!("cannot unload {}: {error}", name.to_string_lossy()))
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // Something else has failed already, and that is reported.
        let _ = delete(self.name);
    }
}

/// Does not wait until nothing uses the module any more: that is an error.
fn delete(name: &CStr) -> Result<(), Errno> {
    delete_module(name, OFlags::NONBLOCK.bits() as i32)
}

fn advice(error: Errno, module: &[u8]) -> String {
    match error {
        Errno::PERM => "this needs root: run it with sudo".into(),
        Errno::EXIST => "it is already loaded: unload it with `rmmod` first".into(),
        Errno::NOENT => {
            "it needs a symbol that this kernel does not have; the last lines of `dmesg` name it"
                .into()
        }
        // NOEXEC: vermagic or a symbol's version; INVAL: another layout of `struct module`, or a
        // parameter that cannot be.
        Errno::NOEXEC | Errno::INVAL => match (running_kernel(), vermagic(module)) {
            (Some(running), Some(built)) if running != built => format!(
                "it was built for {built}, and this kernel is {running}: build it again with \
                 KDIR=/lib/modules/{running}/build"
            ),
            _ => "the last lines of `dmesg` say why".into(),
        },
        Errno::KEYREJECTED | Errno::NOKEY | Errno::BADMSG => {
            "this kernel only loads signed modules (Secure Boot?), but this one is not signed \
             with a key that the kernel trusts"
                .into()
        }
        Errno::NOSYS => "this kernel was built without loadable modules".into(),
        _ => "the last lines of `dmesg` say more".into(),
    }
}

fn running_kernel() -> Option<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(release.trim_end().to_owned())
}

/// The release that the module was built for: the first word of its `vermagic`.
fn vermagic(module: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\0vermagic=";
    let start = module.windows(KEY.len()).position(|w| w == KEY)? + KEY.len();
    let value = module[start..].split(|b| matches!(b, 0 | b' ')).next()?;
    Some(String::from_utf8_lossy(value).into_owned())
}
