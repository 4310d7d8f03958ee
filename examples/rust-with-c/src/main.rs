//! Loads the kernel module of Rust and C that `build.rs` built, reads the parameter of its C part
//! back, and unloads it.
//!
//!     rust-with-c [percent=NUMBER]

mod module;

use std::process::ExitCode;

const MEMORY: &[u8] = include_bytes!(env!("MEMORY_KO"));

fn main() -> ExitCode {
    let parameters = std::env::args().nth(1).unwrap_or_default();
    match run(&parameters) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rust-with-c: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(parameters: &str) -> Result<(), String> {
    module::load(MEMORY, parameters)?;
    // Whatever comes of the reading, what was loaded is unloaded.
    let percent = std::fs::read_to_string("/sys/module/memory/parameters/percent");
    module::unload(c"memory")?;
    let percent = percent.map_err(|error| format!("cannot read the parameter: {error}"))?;
    println!("scarce is less than {} %", percent.trim_end());
    Ok(())
}
