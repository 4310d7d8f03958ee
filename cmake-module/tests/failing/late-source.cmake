# says: target_sources(hello ...): more.c would not be built: list the sources of a kernel module in kbuild_add_module(hello ...)
kbuild_add_module(hello hello.c)
target_sources(hello PRIVATE more.c)
