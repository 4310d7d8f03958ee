//! Runs the SDK's CMake; `cmake --install` puts all that matters below `OUT_DIR`.

use std::path::{Path, PathBuf};
use std::{env, fs};

const SDK: &str = "../../cmake-sdk";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    println!("cargo:rerun-if-env-changed=KBUILD_RS_SKIP");
    let bus = match env::var("KBUILD_RS_SKIP").as_deref() {
        Ok("1") => placeholder(&out),
        _ => build(&out),
    };
    println!("cargo:rustc-env=STATION_BUS_KO={}", bus.display());
}

/// What stands for a module where none can be built, as kbuild-rs has it.
fn placeholder(out: &Path) -> PathBuf {
    let file = out.join("station_bus.ko");
    fs::write(&file, "").expect("OUT_DIR can be written");
    file
}

/// Gives the path of the SDK's `station_bus.ko`.
fn build(out: &Path) -> PathBuf {
    // As it is found for the modules of crates that depend on this one.
    let kernel = kbuild::Build::new()
        .find_kernel()
        .unwrap_or_else(|error| panic!("{error}"));
    let out = out.join(kernel.release());
    let sdk = cmake::Config::new(SDK)
        .out_dir(&out)
        .define("KDIR", kernel.dir())
        // Without it, modules are installed where the running system looks for them.
        .define("INSTALL_MOD_PATH", &out)
        .build();

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
    // The installed module may be compressed.
    let modules = sdk.join("build/modules/kbuild-out").join(kernel.release());
    modules.join("station_bus.ko")
}
