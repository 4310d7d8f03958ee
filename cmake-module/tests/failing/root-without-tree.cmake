# says: ROOT is for a module tree
kbuild_add_module(hello hello.c ROOT .)
