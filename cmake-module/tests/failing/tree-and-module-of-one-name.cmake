# says: (a module tree's hello.symvers is named after its folder)
file(WRITE "${CMAKE_BINARY_DIR}/hello/Kbuild" "obj-m := other.o")
kbuild_add_module(tree KBUILD "${CMAKE_BINARY_DIR}/hello" MODULES other)
kbuild_add_module(hello hello.c)
