# says: another target with the same name already exists
kbuild_add_module(hello hello.c)
kbuild_add_module(hello hello.c)
