# says: KBUILD has no value
kbuild_add_module(hello KBUILD)
