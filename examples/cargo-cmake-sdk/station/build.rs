//! Runs the SDK's CMake; `cmake --install` puts all that matters below `OUT_DIR`.

use std::env;
use std::path::PathBuf;

const SDK: &str = "../../cmake-sdk";

fn main() {
    // As it is found for the modules of crates that depend on this one.
    let kernel = kbuild::Build::new()
        .find_kernel()
        .unwrap_or_else(|error| panic!("{error}"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    let out = out.join(kernel.release());
    let sdk = cmake::Config::new(SDK)
        .out_dir(&out)
        .define("KDIR", kernel.dir())
        // Without it, modules are installed where the running system looks for them.
        .define("INSTALL_MOD_PATH", &out)
        .build();

    let modules = sdk.join("lib/modules").join(kernel.release());
    let bus = modules.join("updates/station_bus.ko");
    println!("cargo:rustc-env=STATION_BUS_KO={}", bus.display());

    // What kbuild-rs looks for in a crate that depends on this one.
    let symvers = sdk.join("share/station/station_bus.symvers");
    println!("cargo:symvers={}", symvers.display());
    println!("cargo:include={}", sdk.join("include").display());

    for part in ["CMakeLists.txt", "include", "modules", "client"] {
        println!("cargo:rerun-if-changed={SDK}/{part}");
    }
    for file in kernel.identity_files() {
        println!("cargo:rerun-if-changed={}", file.display());
    }
}
