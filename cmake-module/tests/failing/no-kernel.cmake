# says: the kernel tree /no/such/tree does not exist
# with: -DKDIR=/no/such/tree
kbuild_add_module(hello hello.c)
