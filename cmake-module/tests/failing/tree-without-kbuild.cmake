# says: nowhere has neither a Kbuild nor a Makefile
kbuild_add_module(hello KBUILD nowhere)
