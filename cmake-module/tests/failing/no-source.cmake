# says: kbuild_add_module(hello): no source;
kbuild_add_module(hello)
