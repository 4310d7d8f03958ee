# says: kbuild_add_module(hello): LINK_OPTIONS is for a module from sources, but KBUILD names a module tree
kbuild_add_module(hello KBUILD tree LINK_OPTIONS -s)
