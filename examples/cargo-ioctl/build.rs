fn main() {
    // The module and the program read the same header.
    kbuild::UapiBindings::new("module/counter.h").generate("counter");
    kbuild::Build::new()
        .file("module/counter.c")
        .compile("counter");
}
