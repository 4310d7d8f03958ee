# says: kbuild_install(TARGETS other): there is no kernel module of this name
add_custom_target(other)
kbuild_install(TARGETS other)
