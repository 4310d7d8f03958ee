# says: more.c comes too late, for the rule that builds a kernel module is made with it
kbuild_add_module(hello hello.c)
target_sources(hello INTERFACE more.c)
