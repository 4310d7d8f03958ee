# says: part links to hello, which is a kernel module: a program cannot be linked with it. For headers that both use, link both to an INTERFACE library
kbuild_add_module(hello hello.c)
add_library(sdk::hello ALIAS hello)
add_library(shared INTERFACE)
target_link_libraries(shared INTERFACE $<BUILD_INTERFACE:sdk::hello>)
add_library(part STATIC hello.c)
target_link_libraries(part PUBLIC shared)
