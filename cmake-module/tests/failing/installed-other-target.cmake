# says: kbuild_install(TARGETS other): other is not a kernel module: create it with kbuild_add_module()
add_custom_target(other)
kbuild_install(TARGETS other)
