# says: kbuild_install(hello): nothing follows COMPONENT
kbuild_add_module(hello hello.c)
kbuild_install(TARGETS hello COMPONENT)
