// Nothing here names the crate `ring`: its symbols and its headers come by way of Cargo.
fn main() {
    kbuild::Build::new()
        .file("module/recorder.c")
        .compile("recorder");
}
