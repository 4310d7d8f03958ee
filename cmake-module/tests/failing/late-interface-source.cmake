# says: more.c is not built: a kernel
kbuild_add_module(hello hello.c)
target_sources(hello INTERFACE more.c)
