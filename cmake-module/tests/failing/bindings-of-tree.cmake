# says: BINDINGS is for a module from sources, and KBUILD names a module tree
kbuild_add_module(hello KBUILD tree BINDINGS helper.h)
