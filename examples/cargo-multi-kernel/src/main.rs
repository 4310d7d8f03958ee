//! Loads the one of its kernel modules that was built for the running kernel, and unloads it.
//!
//!     cargo-multi-kernel           loads and unloads
//!     cargo-multi-kernel list      says for which kernels it has a module

use std::process::ExitCode;

/// (release, module), as `uname -r` names the release.
static GREETER: &[(&str, &[u8])] = include!(env!("GREETER_KO_TABLE"));

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run(),
        ["list"] => {
            for (release, module) in GREETER {
                println!("{release}\t{} bytes", module.len());
            }
            Ok(())
        }
        _ => Err("usage: cargo-multi-kernel [list]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo-multi-kernel: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_err(|error| format!("cannot tell which kernel is running: {error}"))?;
    let release = release.trim_end();
    let module = pick(release)?;
    println!("loading the module for {release}");
    load_module::load(c"greeter", module, "")?.unload()?;
    println!("unloaded");
    Ok(())
}

fn pick(release: &str) -> Result<&'static [u8], String> {
    if let Some((_, module)) = GREETER.iter().find(|(built_for, _)| *built_for == release) {
        return Ok(module);
    }
    let known: Vec<_> = GREETER.iter().map(|(release, _)| *release).collect();
    Err(match known[..] {
        [] => "this program contains no module: it was built with KBUILD_RS_SKIP set; build it \
               again without it"
            .into(),
        _ => format!(
            "there is no module for the running kernel {release} in this program, only for {}; \
             build it again with KDIR=/lib/modules/{release}/build",
            known.join(", ")
        ),
    })
}
