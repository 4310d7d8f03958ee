//! The two system calls that load and unload a kernel module, and what their errors mean.

use std::ffi::{CStr, CString};
use std::io;

/// Loads a module that is in memory, with `parameters` as `insmod` takes them (`a=1 b=x`).
pub fn load(module: &[u8], parameters: &str) -> Result<(), String> {
    if module.is_empty() {
        return Err(
            "this program has no module in it: it was built with KBUILD_RS_SKIP set; \
                    build it again without"
                .into(),
        );
    }
    let parameters =
        CString::new(parameters).map_err(|_| "a parameter holds a NUL byte".to_owned())?;
    // SAFETY: the bytes and the string live until the call returns.
    let result = unsafe {
        libc::syscall(
            libc::SYS_init_module,
            module.as_ptr(),
            module.len(),
            parameters.as_ptr(),
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(explain_load(&io::Error::last_os_error(), module))
}

/// Unloads a module by its name.
pub fn unload(name: &CStr) -> Result<(), String> {
    // SAFETY: the string lives until the call returns.
    if unsafe { libc::syscall(libc::SYS_delete_module, name.as_ptr(), libc::O_NONBLOCK) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    let name = name.to_string_lossy();
    Err(match error.raw_os_error() {
        Some(libc::EPERM) => format!("unloading {name} takes root: run this with sudo"),
        Some(libc::ENOENT) => format!("{name} is not loaded"),
        Some(libc::EWOULDBLOCK) => format!("{name} is in use"),
        _ => format!("cannot unload {name}: {error}"),
    })
}

fn explain_load(error: &io::Error, module: &[u8]) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => "loading a module takes root: run this with sudo".into(),
        Some(libc::EEXIST) => "the module is loaded already: unload it with `rmmod` first".into(),
        // ENOEXEC: vermagic or a symbol's version; EINVAL: another layout of `struct module`, or
        // a parameter that cannot be.
        Some(libc::ENOEXEC | libc::EINVAL) => {
            let (running, built) = (running_kernel(), vermagic(module));
            if built.as_deref() == Some(&*running) {
                return "the kernel does not take the module or its parameters; the last lines of \
                        `dmesg` say why"
                    .into();
            }
            format!(
                "this kernel ({running}) does not take the module, which was built for {}; the \
                 last lines of `dmesg` say why. Build with KDIR=/lib/modules/$(uname -r)/build",
                built.as_deref().unwrap_or("an unknown one")
            )
        }
        Some(libc::ENOENT) => "the module needs a symbol that this kernel does not have; the \
                               last lines of `dmesg` name it"
            .into(),
        Some(libc::EKEYREJECTED | libc::ENOKEY | libc::EBADMSG) => {
            "this kernel loads signed modules only (Secure Boot?), and this one is not signed by \
             a key that it knows"
                .into()
        }
        Some(libc::ENOSYS) => "this kernel was built without loadable modules".into(),
        _ => format!("cannot load the module: {error}; see the last lines of `dmesg`"),
    }
}

fn running_kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown".into(), |release| release.trim_end().into())
}

/// The release that the module was built for: the first word of its `vermagic`.
fn vermagic(module: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\0vermagic=";
    let start = module.windows(KEY.len()).position(|w| w == KEY)? + KEY.len();
    let value = module[start..].split(|b| matches!(b, 0 | b' ')).next()?;
    Some(String::from_utf8_lossy(value).into_owned())
}
