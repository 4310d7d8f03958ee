# says: kbuild_add_module(hello): TREE_ROOT /none does not contain the module tree
kbuild_add_module(hello KBUILD tree TREE_ROOT /none/)
