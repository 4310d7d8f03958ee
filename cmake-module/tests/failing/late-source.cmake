# says: target_sources(hello ...): more.c is not built: a kernel module's sources are those of kbuild_add_module(hello ...)
kbuild_add_module(hello hello.c)
target_sources(hello PRIVATE more.c)
