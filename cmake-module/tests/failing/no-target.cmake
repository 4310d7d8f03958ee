# says: hello is a kernel module and links to m, which is not a target
kbuild_add_module(hello hello.c)
target_link_libraries(hello INTERFACE m)
