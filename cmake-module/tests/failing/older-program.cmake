# says: /failing/older is kbuild-rs 0.0.9, and this package takes 0.1.x from 0.1.0 on
# with: -DKbuild_EXECUTABLE=@PROJECT@/older
kbuild_add_module(hello hello.c)
