//! Lists the kernel modules that `build.rs` built out of the tree in `driver/`, or loads them.
//!
//!     cargo-tree           lists them
//!     cargo-tree load      loads all, each after what it uses, and unloads them again

use std::ffi::CStr;
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
        match load_module::load(module.name, module.content, "") {
            Ok(one) => loaded.push(one),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
        println!("loaded {}", module.name());
    }
    while let Some(module) = loaded.pop() {
        let name = module.name().to_string_lossy();
        module.unload()?;
        println!("unloaded {name}");
    }
    result
}

impl Module {
    fn name(&self) -> &str {
        self.name.to_str().unwrap_or("?")
    }
}
