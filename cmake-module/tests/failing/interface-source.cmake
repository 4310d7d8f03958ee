# says: hello is a kernel module and links to part, an INTERFACE library with the source more.c, which no module gets: list it in
kbuild_add_module(hello hello.c)
add_library(part INTERFACE)
target_sources(part INTERFACE more.h $<BUILD_INTERFACE:more.c>)
target_link_libraries(hello INTERFACE part)
