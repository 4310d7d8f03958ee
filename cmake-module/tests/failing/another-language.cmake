# says: hello.cpp is no source of a module
kbuild_add_module(hello hello.cpp)
