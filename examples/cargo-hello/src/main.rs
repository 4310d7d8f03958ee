//! Loads the kernel module that `build.rs` built, reads its parameter back, and unloads it.
//!
//!     cargo-hello [PARAMETER=VALUE]…
//!
//! The module travels inside the program: there is no `.ko` to install beside it.

use std::process::ExitCode;

const HELLO: &[u8] = include_bytes!(env!("HELLO_KO"));

fn main() -> ExitCode {
    let parameters: Vec<String> = std::env::args().skip(1).collect();
    match run(&parameters.join(" ")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo-hello: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(parameters: &str) -> Result<(), String> {
    println!(
        "loading hello.ko: {} bytes, out of this program",
        HELLO.len()
    );
    let hello = load_module::load(c"hello", HELLO, parameters)?;

    let who = std::fs::read_to_string("/sys/module/hello/parameters/who");
    if let Ok(who) = &who {
        println!("its parameter `who` is `{}`", who.trim_end());
    }
    hello.unload()?;
    println!("unloaded");

    who.map(drop)
        .map_err(|error| format!("cannot read the module's parameter: {error}"))
}
