# says: tool links to hello, which is a kernel module: a program cannot be linked with it. For headers that both use, link both to an INTERFACE library
kbuild_add_module(hello hello.c)
add_executable(tool hello.c)
target_link_libraries(tool PRIVATE hello)
