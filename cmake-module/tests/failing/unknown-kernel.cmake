# says: kbuild_add_module(hello): no kernel tree for release 9.9.9
kbuild_add_module(hello hello.c KERNEL 9.9.9)
