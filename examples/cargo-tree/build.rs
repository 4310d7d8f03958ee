fn main() {
    kbuild::Build::tree("driver").compile_all();
}
