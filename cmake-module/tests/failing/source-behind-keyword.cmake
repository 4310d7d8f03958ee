# says: MAKE_VARIABLES has hello.c, which is not NAME=VALUE
kbuild_add_module(hello MAKE_VARIABLES A=1 hello.c)
