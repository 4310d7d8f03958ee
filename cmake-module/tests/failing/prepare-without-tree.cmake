# says: kbuild_add_module(hello): PREPARE is for a module tree (KBUILD)
kbuild_add_module(hello hello.c PREPARE "sh configure")
