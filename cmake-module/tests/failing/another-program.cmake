# says: KBUILD_RS_EXECUTABLE names /bin/false, which is no kbuild-rs
# with: -DKBUILD_RS_EXECUTABLE=/bin/false
kbuild_add_module(hello hello.c)
