# says: kbuild_add_module(hello): CONFIG has FOO, which is not FOO=m, FOO=y or FOO=n
kbuild_add_module(hello CONFIG FOO hello.c)
