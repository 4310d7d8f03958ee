# says: BINDINGS_ITEMS chooses from what a header brings along, and BINDINGS names none
kbuild_add_module(hello hello.rs BINDINGS_ITEMS int_sqrt)
