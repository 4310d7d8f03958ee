fn main() {
    kbuild::Build::new()
        .files(["module/memory.rs", "module/helper.c"])
        .bindings("module/helper.h")
        .cfg_if("several_authors", |kernel| kernel.version() >= (6, 15))
        .compile("memory");
}
