# says: target_sources(hello ...): more.c comes too late
kbuild_add_module(hello hello.c)
target_sources(hello PRIVATE more.c)
