# says: tree and hello would both write
file(WRITE "${CMAKE_BINARY_DIR}/driver/Kbuild" "obj-m := hello.o")
kbuild_add_module(tree KBUILD "${CMAKE_BINARY_DIR}/driver" MODULES hello)
kbuild_add_module(hello hello.c)
