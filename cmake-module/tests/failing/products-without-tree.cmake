# says: PRODUCTS only works with KBUILD: the Kbuild of
kbuild_add_module(hello hello.c PRODUCTS fw.bin)
