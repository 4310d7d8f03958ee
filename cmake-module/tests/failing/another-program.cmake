# says: Kbuild_EXECUTABLE names /bin/false, which is not kbuild-rs
# with: -DKbuild_EXECUTABLE=/bin/false
kbuild_add_module(hello hello.c)
