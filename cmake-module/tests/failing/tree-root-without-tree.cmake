# says: TREE_ROOT is for a module tree
kbuild_add_module(hello hello.c TREE_ROOT .)
