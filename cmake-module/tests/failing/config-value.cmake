# says: kbuild_add_module(hello): CONFIG has CONFIG_FOO=4, which is not FOO=m, FOO=y or FOO=n. For another value, write MAKE_VARIABLES CONFIG_FOO=4 for makefiles
kbuild_add_module(hello hello.c CONFIG CONFIG_FOO=4)
