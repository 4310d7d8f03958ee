# says: MODULES is for a module tree
kbuild_add_module(hello hello.c MODULES a)
