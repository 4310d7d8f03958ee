//! Loads a module of the SDK and one of this crate, which uses what the first one exports.
//!
//!     cargo-cmake-sdk [limit=N]

use std::process::ExitCode;

const ALARM: &[u8] = include_bytes!(env!("ALARM_KO"));

fn main() -> ExitCode {
    let parameters: Vec<String> = std::env::args().skip(1).collect();
    match run(&parameters.join(" ")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo-cmake-sdk: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(parameters: &str) -> Result<(), String> {
    // Unloaded in the opposite order, whatever happens: a module in use cannot go.
    let bus = load_module::load(c"station_bus", station::BUS, "")?;
    let alarm = load_module::load(c"alarm", ALARM, parameters)?;
    let path = "/sys/module/alarm/parameters/above";
    let above =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    println!("sensors above the limit: {}", above.trim_end());
    alarm.unload()?;
    bus.unload()
}
