# says: BINDINGS_ITEMS needs a header that includes the items: name it with BINDINGS
kbuild_add_module(hello hello.rs BINDINGS_ITEMS int_sqrt)
