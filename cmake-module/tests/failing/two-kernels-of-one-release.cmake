# says: kbuild_add_module(hello): KERNEL names two trees of release
file(CREATE_LINK "${Kbuild_KERNEL_DIR}" "${CMAKE_BINARY_DIR}/tree" SYMBOLIC)
kbuild_add_module(hello hello.c KERNEL "${Kbuild_KERNEL_DIR}" "${CMAKE_BINARY_DIR}/tree")
