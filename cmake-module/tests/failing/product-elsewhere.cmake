# says: PRODUCTS has sub/../../fw.bin; name a file below the module tree
kbuild_add_module(hello KBUILD tree PRODUCTS fw.bin sub/../../fw.bin)
