fn main() {
    kbuild::Build::new()
        .file("module/primes.rs")
        // The kernel's Rust API changes from release to release; the module asks for what it needs
        // with #[cfg(…)].
        .cfg_if("several_authors", |kernel| kernel.version() >= (6, 15))
        .cfg_if("devices", |kernel| kernel.version() >= (7, 0))
        .compile("primes");
}
