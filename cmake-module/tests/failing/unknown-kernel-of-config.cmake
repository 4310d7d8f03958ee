# says: kbuild_get_config(modules MODULES): no kernel tree for release 9.9.9
kbuild_get_config(modules MODULES KERNEL 9.9.9)
