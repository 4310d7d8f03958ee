# says: failing/missing-source/source/gone.c does not exist, and no rule makes it
kbuild_add_module(hello gone.c)
