//! Loads two kernel modules, of which the second uses what the first one exports.
//!
//!     cargo-symbols [upto=N]
//!
//! `ring.ko` comes out of the crate `ring`, `recorder.ko` out of this one.

use std::process::ExitCode;

const RECORDER: &[u8] = include_bytes!(env!("RECORDER_KO"));

fn main() -> ExitCode {
    let parameters: Vec<String> = std::env::args().skip(1).collect();
    match run(&parameters.join(" ")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo-symbols: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(parameters: &str) -> Result<(), String> {
    // Unloaded in the opposite order, whatever happens: a module in use cannot go.
    let ring = load_module::load(c"ring", ring::MODULE, "")?;
    let recorder = load_module::load(c"recorder", RECORDER, parameters)?;
    println!("loaded ring and recorder");
    let read = |name: &str| {
        let path = format!("/sys/module/recorder/parameters/{name}");
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))
    };
    println!(
        "the numbers up to {} make {}",
        read("upto")?.trim_end(),
        read("sum")?.trim_end()
    );
    recorder.unload()?;
    ring.unload()?;
    println!("unloaded both");
    Ok(())
}
