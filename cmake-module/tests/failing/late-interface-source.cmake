# says: more.c would not be built: list the sources
kbuild_add_module(hello hello.c)
target_sources(hello INTERFACE more.c)
