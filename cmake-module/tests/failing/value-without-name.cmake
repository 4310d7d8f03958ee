# says: MAKE_VARIABLES has B: write NAME=VALUE
kbuild_add_module(hello MAKE_VARIABLES A=1 B hello.c)
