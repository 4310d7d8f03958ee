//! Kernel modules, loaded for as long as a value lives.

use std::ffi::{CStr, CString};
use std::io;

/// A module in the kernel. Dropping it unloads it.
#[must_use = "the module is unloaded when this is dropped"]
pub struct Loaded {
    name: &'static CStr,
}

impl Loaded {
    /// Loads a module that is in memory, with `parameters` as `insmod` takes them (`a=1 b=x`).
    pub fn new(name: &'static CStr, content: &[u8], parameters: &str) -> Result<Loaded, String> {
        let shown = name.to_string_lossy();
        if content.is_empty() {
            return Err(format!(
                "there is no {shown}.ko in this program: it was built with KBUILD_RS_SKIP set; \
                 build it again without"
            ));
        }
        let parameters =
            CString::new(parameters).map_err(|_| "a parameter holds a NUL byte".to_owned())?;
        // SAFETY: content and parameters live until the call returns.
        let result = unsafe {
            libc::syscall(
                libc::SYS_init_module,
                content.as_ptr(),
                content.len(),
                parameters.as_ptr(),
            )
        };
        if result == 0 {
            return Ok(Loaded { name });
        }
        let error = io::Error::last_os_error();
        let advice = match error.raw_os_error() {
            Some(libc::EPERM) => "this takes root: run it with sudo",
            Some(libc::EEXIST) => "it is loaded already: unload it with `rmmod` first",
            Some(libc::ENOENT) => {
                "it needs a symbol that is not there; the last lines of `dmesg` name it"
            }
            Some(libc::ENOEXEC | libc::EINVAL) => {
                "it was built for another kernel, or a parameter is wrong; the last lines of \
                 `dmesg` say which"
            }
            _ => "the last lines of `dmesg` say more",
        };
        Err(format!("cannot load {shown}: {error}; {advice}"))
    }

    /// Unloads the module, and says when that fails.
    pub fn unload(self) -> Result<(), String> {
        let name = self.name;
        std::mem::forget(self);
        delete(name).map_err(|error| format!("cannot unload {}: {error}", name.to_string_lossy()))
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // Something else has failed already, and that is what gets reported.
        let _ = delete(self.name);
    }
}

fn delete(name: &CStr) -> io::Result<()> {
    // SAFETY: the name lives until the call returns.
    match unsafe { libc::syscall(libc::SYS_delete_module, name.as_ptr(), libc::O_NONBLOCK) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
