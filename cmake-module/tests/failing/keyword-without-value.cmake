# says: nothing follows KERNEL
kbuild_add_module(hello hello.c KERNEL)
