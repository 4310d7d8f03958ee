# says: kbuild_install(hello): UNSIGNED installs the modules without a signature
kbuild_add_module(hello hello.c)
kbuild_install(TARGETS hello UNSIGNED KEY mok.key)
