//! Loads the kernel module of Rust and C that `build.rs` built, reads the parameter of its C part
//! back, and unloads it.
//!
//!     rust-with-c [percent=NUMBER]

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
    let memory = load_module::load(c"memory", MEMORY, parameters)?;
    let percent = std::fs::read_to_string("/sys/module/memory/parameters/percent");
    memory.unload()?;
    let percent = percent.map_err(|error| format!("cannot read the parameter: {error}"))?;
    println!("scarce is less than {} %", percent.trim_end());
    Ok(())
}
