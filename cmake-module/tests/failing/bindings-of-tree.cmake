# says: BINDINGS is for a module from sources, but KBUILD names a module tree
kbuild_add_module(hello KBUILD tree BINDINGS helper.h)
