# says: kbuild_add_module(hello): EXCLUDE is for a module tree (KBUILD)
kbuild_add_module(hello hello.c EXCLUDE "*.orig")
