//! Lists the kernel modules that `build.rs` built out of the tree in `driver/`, or loads them.
//!
//!     cargo-tree           lists them
//!     cargo-tree load      loads all, each after what it uses, and unloads them again

use std::ffi::CStr;
use std::io;
use std::process::ExitCode;

struct Module {
    name: &'static CStr,
    content: &'static [u8],
}

/// In the order in which they can be loaded: bar uses foo, baz uses both.
const MODULES: [Module; 3] = [
    Module {
        name: c"foo",
        content: include_bytes!(env!("FOO_KO")),
    },
    Module {
        name: c"bar",
        content: include_bytes!(env!("BAR_KO")),
    },
    Module {
        name: c"baz",
        content: include_bytes!(env!("BAZ_KO")),
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            list();
            Ok(())
        }
        ["load"] => load_all(),
        _ => Err("usage: cargo-tree [load]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo-tree: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list() {
    for module in &MODULES {
        println!("{}.ko\t{} bytes", module.name(), module.content.len());
    }
}

/// Loads one module after the other, and unloads in the opposite order what was loaded, whether
/// or not all were.
fn load_all() -> Result<(), String> {
    let mut loaded = Vec::new();
    let mut result = Ok(());
    for module in &MODULES {
        result = module.load();
        if result.is_err() {
            break;
        }
        println!("loaded {}", module.name());
        loaded.push(module);
    }
    for module in loaded.iter().rev() {
        module.unload()?;
        println!("unloaded {}", module.name());
    }
    result
}

impl Module {
    fn name(&self) -> &str {
        self.name.to_str().unwrap_or("?")
    }

    fn load(&self) -> Result<(), String> {
        if self.content.is_empty() {
            return Err(format!(
                "{}.ko is empty: this program was built with KBUILD_RS_SKIP set",
                self.name()
            ));
        }
        // SAFETY: content and parameters (none) are static.
        let result = unsafe {
            libc::syscall(
                libc::SYS_init_module,
                self.content.as_ptr(),
                self.content.len(),
                c"".as_ptr(),
            )
        };
        self.check("load", result)
    }

    fn unload(&self) -> Result<(), String> {
        // SAFETY: the name is static.
        let result = unsafe {
            libc::syscall(
                libc::SYS_delete_module,
                self.name.as_ptr(),
                libc::O_NONBLOCK,
            )
        };
        self.check("unload", result)
    }

    fn check(&self, what: &str, result: libc::c_long) -> Result<(), String> {
        if result == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        let advice = match error.raw_os_error() {
            Some(libc::EPERM) => "this takes root: run it with sudo",
            _ => "the last lines of `dmesg` say more",
        };
        Err(format!("cannot {what} {}: {error}; {advice}", self.name()))
    }
}
