# says: kbuild_add_module(hello): PREPARE only works with KBUILD: name the module tree with KBUILD, or remove PREPARE
kbuild_add_module(hello hello.c PREPARE "sh configure")
