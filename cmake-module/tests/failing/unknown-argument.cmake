# says: kbuild_add_module(hello): unknown argument VERBOSE
kbuild_add_module(hello hello.c VERBOSE)
