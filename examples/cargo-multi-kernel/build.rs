// For each kernel that KDIR names: KDIR=/lib/modules/6.1.0-56-amd64/build:/srv/linux-6.12 cargo build
fn main() {
    kbuild::Build::new()
        .file("module/greeter.c")
        .compile_each("greeter");
}
