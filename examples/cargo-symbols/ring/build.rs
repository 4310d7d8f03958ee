fn main() {
    kbuild::Build::new()
        .file("module/ring.c")
        .include("include")
        .compile("ring");
}
