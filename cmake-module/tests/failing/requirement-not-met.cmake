# says: does not meet a stated requirement architecture csky (the setting requires_arch): nobody tried others. The kernel is for
kbuild_add_module(hello hello.c REQUIRES_ARCH "csky: nobody tried others")
