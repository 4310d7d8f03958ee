# says: kbuild_add_module(hello): requires_kernel: "5.10" is not a range of kernel versions
kbuild_add_module(hello REQUIRES_KERNEL 5.10 hello.c OPTIONAL)
