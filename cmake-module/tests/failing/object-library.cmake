# says: hello is a kernel module and links to part, which is compiled for programs (OBJECT_LIBRARY): list its sources in
kbuild_add_module(hello hello.c)
add_library(part OBJECT hello.c)
target_link_libraries(hello INTERFACE part)
