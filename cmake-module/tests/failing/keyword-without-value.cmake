# says: nothing follows KBUILD
kbuild_add_module(hello KBUILD)
