# says: kbuild_add_module(hello): ROOT /none does not hold the module tree
kbuild_add_module(hello KBUILD tree ROOT /none/)
