//! Loads the kernel module in Rust that `build.rs` built, asks it for prime numbers, and unloads
//! it.
//!
//!     cargo-rust-module [LIMIT]
//!
//! A module for a kernel whose Rust knows no devices yet only speaks to the kernel's log.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::ExitCode;

const PRIMES: &[u8] = include_bytes!(env!("PRIMES_KO"));

fn main() -> ExitCode {
    let limit = std::env::args().nth(1).unwrap_or_else(|| "20".to_owned());
    match run(&limit) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo-rust-module: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(limit: &str) -> Result<(), String> {
    let primes = load_module::load(c"primes", PRIMES, "")?;
    let answer = ask(limit);
    primes.unload()?;
    match answer? {
        Some(primes) => println!("up to {limit}: {}", primes.trim_end().replace('\n', " ")),
        None => println!("there is no /dev/primes on this kernel; its log has the answer"),
    }
    Ok(())
}

fn ask(limit: &str) -> Result<Option<String>, String> {
    let fail = |error| format!("/dev/primes: {error}");
    let mut device = match File::options().read(true).write(true).open("/dev/primes") {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        device => device.map_err(fail)?,
    };
    device.write_all(limit.as_bytes()).map_err(fail)?;
    let mut primes = String::new();
    device.read_to_string(&mut primes).map_err(fail)?;
    Ok(Some(primes))
}
