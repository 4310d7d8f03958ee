//! `cargo xtask demo`: from a C file to a loaded module, on a kernel in a virtual machine.
//!
//! `cargo-hello` is linked statically here, because the guest has no C library. Users do not need
//! that.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kbuild_tests::lab::{self, LabKernel, packages};

use crate::{Result, exec};

/// The target is static, because the guest has no C library, and has the processor of the lab's
/// kernels.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The guest's script: it runs the program that contains the module, and prints the kernel's state
/// before, meanwhile and after.
const SCRIPT: &str = "\
echo \"kernel $(uname -r)\"
/cargo-hello who=you || exit 1
dmesg | grep 'hello: ' || exit 1
if grep '^hello ' /proc/modules; then echo 'hello is still loaded'; exit 1; fi
echo '/proc/modules: no hello'
";

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let wanted = match arguments {
        [] => None,
        [name] => Some(*name),
        _ => return Err("usage: cargo xtask demo [KERNEL]".into()),
    };
    let start = Instant::now();

    step(1, "the programs that this needs: a C compiler, make, QEMU");
    packages::ensure()?;
    println!("  all here");

    step(
        2,
        "a kernel: its headers to build against, its image to boot",
    );
    let kernel = kernel(wanted)?;
    println!("  release  {}", kernel.release);
    println!("  headers  {}", kernel.kdir.display());
    println!("  image    {}", kernel.vmlinuz.display());

    step(
        3,
        "examples/cargo-hello: its build.rs builds module/hello.c, its program takes it in",
    );
    let program = build(&kernel)?;

    step(4, "boot that kernel in QEMU and run the program there");
    println!("  (emulated: this takes some seconds)");
    let boot = Instant::now();
    let console = kernel
        .guest()?
        .file("/cargo-hello", &program)
        .script(SCRIPT)
        .timeout(Duration::from_secs(180))
        .run()?;
    for line in console.text.lines() {
        println!("  | {line}");
    }
    if !console.ok {
        return Err(format!(
            "in the virtual machine something failed (exit code {}); the kernel's log:\n{}",
            console.code, console.log
        ));
    }
    println!(
        "  loaded, heard in the kernel's log, and removed again ({:.1} s)",
        boot.elapsed().as_secs_f32()
    );

    println!(
        "\nDone in {:.0} s. What to try next:\n",
        start.elapsed().as_secs_f32()
    );
    next(&kernel);
    Ok(())
}

fn step(number: u32, what: &str) {
    println!("\n[{number}/4] {what}");
}

fn next(kernel: &LabKernel) {
    println!("  change examples/cargo-hello/module/hello.c and run the demo again");
    let names = lab::names().iter().rev();
    if let Some(other) = names.into_iter().find(|name| **name != kernel.name) {
        let line = format!("cargo xtask demo {other}");
        println!("  {line:28} the same on another kernel");
    }
    println!("  {:28} all tests", "cargo xtask test");
    println!("  the program, on a tree of three modules:");
    println!("    cargo run -p kbuild-cli -- build examples/cargo-tree/driver \\");
    println!("      --kernel {}", kernel.kdir.display());
}

/// The requested kernel; else one that is installed with its headers; else the lab's.
fn kernel(wanted: Option<&str>) -> Result<LabKernel> {
    if let Some(name) = wanted {
        return lab::kernel(name);
    }
    if let Some(kernel) = installed(Path::new("/")) {
        println!("  one is installed on this machine");
        return Ok(kernel);
    }
    let name = if lab::names().contains(&"6.1") {
        "6.1"
    } else {
        lab::names().first().copied().unwrap_or("generic")
    };
    println!("  none is installed here with headers and a readable image: using one of the lab's");
    println!("  (not installed; the first time it is fetched from this machine's package mirror)");
    lab::kernel(name)
}

/// The newest kernel below `/lib/modules` that can be built against and booted.
fn installed(root: &Path) -> Option<LabKernel> {
    let entries = fs::read_dir(root.join("lib/modules")).ok()?;
    let mut kernels: Vec<LabKernel> = entries
        .flatten()
        .filter_map(|entry| usable(root, entry.file_name().to_str()?, entry.path()))
        .collect();
    kernels.sort_by_key(|kernel| numbers(&kernel.release));
    kernels.pop()
}

fn usable(root: &Path, release: &str, modules: PathBuf) -> Option<LabKernel> {
    let kdir = modules.join("build");
    let vmlinuz = root.join(format!("boot/vmlinuz-{release}"));
    // Only root can read Ubuntu's images, so the only reliable test is to open one.
    File::open(&vmlinuz).ok()?;
    let config = fs::read_to_string(kdir.join("include/config/auto.conf")).ok()?;
    let is_usable = kdir.join("Makefile").exists()
        && modules.join("modules.dep").exists()
        && modules.join("modules.builtin").exists()
        && ["CONFIG_X86_64=y", "CONFIG_MODULES=y"]
            .iter()
            .all(|line| config.lines().any(|other| other == *line));
    is_usable.then(|| LabKernel {
        name: "installed",
        release: release.to_owned(),
        common: modules.join("source"),
        kdir,
        vmlinuz,
        vmlinux: None,
        modules,
        cc: None,
        machine: None,
        arch: "x86",
        variables: &[],
        rustc: None,
    })
}

/// The numbers in a release. They make `6.12` newer than `6.2`.
fn numbers(release: &str) -> Vec<u64> {
    release
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect()
}

fn build(kernel: &LabKernel) -> Result<PathBuf> {
    let example = exec::root().join("examples/cargo-hello");
    let target = exec::target_dir().join("demo");
    let mut cargo = exec::cargo();
    cargo
        .current_dir(&example)
        .args(["build", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .env("KDIR", &kernel.kdir)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    println!("  cd examples/cargo-hello");
    if let Some(cc) = &kernel.cc {
        println!("  export KBUILD_RS_CC={cc}   # the compiler it was built with is not here");
        cargo.env("KBUILD_RS_CC", cc);
    }
    println!("  KDIR={} cargo build", kernel.kdir.display());
    exec::checked(&mut cargo, Duration::from_secs(900))?;
    Ok(target.join(TARGET).join("debug/cargo-hello"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(root: &Path, release: &str, image: bool) {
        let modules = root.join("lib/modules").join(release);
        let kdir = modules.join("build");
        fs::create_dir_all(kdir.join("include/config")).unwrap();
        fs::create_dir_all(root.join("boot")).unwrap();
        fs::write(kdir.join("Makefile"), "").unwrap();
        let config = "CONFIG_X86_64=y\nCONFIG_MODULES=y\n";
        fs::write(kdir.join("include/config/auto.conf"), config).unwrap();
        fs::write(modules.join("modules.dep"), "").unwrap();
        fs::write(modules.join("modules.builtin"), "").unwrap();
        if image {
            fs::write(root.join(format!("boot/vmlinuz-{release}")), "").unwrap();
        }
    }

    #[test]
    fn the_newest_kernel_with_headers_and_image_is_taken() {
        let root = tempfile::tempdir().unwrap();
        install(root.path(), "6.2.0-9-amd64", true);
        install(root.path(), "6.12.1-amd64", true);
        install(root.path(), "6.13.0-amd64", false);
        assert_eq!(installed(root.path()).unwrap().release, "6.12.1-amd64");
    }

    #[test]
    fn a_machine_without_kernels_has_none() {
        let root = tempfile::tempdir().unwrap();
        assert!(installed(root.path()).is_none());
        install(root.path(), "6.12.1-amd64", true);
        let kdir = root.path().join("lib/modules/6.12.1-amd64/build");
        fs::remove_dir_all(kdir).unwrap();
        assert!(installed(root.path()).is_none(), "its headers are gone");
    }
}
