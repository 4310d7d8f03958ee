# says: RUST_CFGS is for sources in Rust, but no .rs file is listed
kbuild_add_module(hello hello.c RUST_CFGS several_authors)
