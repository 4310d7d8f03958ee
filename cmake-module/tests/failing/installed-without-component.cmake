# says: kbuild_install(hello): COMPONENT has no value
kbuild_add_module(hello hello.c)
kbuild_install(TARGETS hello COMPONENT)
