# says: hello is a kernel module and links to part, which is compiled for programs (SHARED_LIBRARY): list its sources in
kbuild_add_module(hello hello.c)
set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS TRUE)
add_library(part SHARED hello.c)
target_link_libraries(hello INTERFACE part)
