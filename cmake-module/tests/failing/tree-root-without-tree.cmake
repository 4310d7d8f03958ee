# says: TREE_ROOT only works with KBUILD
kbuild_add_module(hello hello.c TREE_ROOT .)
