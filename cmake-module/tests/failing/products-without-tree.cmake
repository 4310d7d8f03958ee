# says: PRODUCTS is for a module tree
kbuild_add_module(hello hello.c PRODUCTS fw.bin)
