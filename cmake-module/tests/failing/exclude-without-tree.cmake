# says: kbuild_add_module(hello): EXCLUDE only works with KBUILD
kbuild_add_module(hello hello.c EXCLUDE "*.orig")
