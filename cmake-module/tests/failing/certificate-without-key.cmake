# says: kbuild_install(hello): CERT names the certificate of a key: name the key with KEY or
kbuild_add_module(hello hello.c)
kbuild_install(TARGETS hello CERT mok.der)
