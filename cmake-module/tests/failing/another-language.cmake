# says: hello.cpp is not a source of a module
kbuild_add_module(hello hello.cpp)
