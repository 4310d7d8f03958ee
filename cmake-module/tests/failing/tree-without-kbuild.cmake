# says: there is no Kbuild and no Makefile in
kbuild_add_module(hello KBUILD nowhere)
