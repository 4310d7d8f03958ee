//! The two system calls that load and unload a kernel module.

use std::ffi::CStr;
use std::io;

/// Loads a module that is in memory.
pub fn load(module: &[u8]) -> Result<(), String> {
    if module.is_empty() {
        return Err(
            "this program has no module in it: it was built with KBUILD_RS_SKIP set; \
                    build it again without"
                .into(),
        );
    }
    // SAFETY: the module and the parameters (none) live until the call returns.
    let result = unsafe {
        libc::syscall(
            libc::SYS_init_module,
            module.as_ptr(),
            module.len(),
            c"".as_ptr(),
        )
    };
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    let advice = match error.raw_os_error() {
        Some(libc::EPERM) => "this takes root: run it with sudo",
        Some(libc::EEXIST) => "it is loaded already: unload it with `rmmod` first",
        _ => "the last lines of `dmesg` say more",
    };
    Err(format!("cannot load the module: {error}; {advice}"))
}

/// Unloads a module by its name.
pub fn unload(name: &CStr) -> Result<(), String> {
    // SAFETY: the string lives until the call returns.
    if unsafe { libc::syscall(libc::SYS_delete_module, name.as_ptr(), libc::O_NONBLOCK) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    Err(format!("cannot unload {}: {error}", name.to_string_lossy()))
}
