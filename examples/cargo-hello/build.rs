fn main() {
    kbuild::Build::new().file("module/hello.c").compile("hello");
}
