# says: RUST_CFGS is for sources in Rust, and there is no .rs among those listed
kbuild_add_module(hello hello.c RUST_CFGS several_authors)
