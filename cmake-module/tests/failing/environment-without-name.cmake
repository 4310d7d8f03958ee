# says: kbuild_add_module(hello): ENVIRONMENT has acme, which is not NAME=VALUE
kbuild_add_module(hello KBUILD tree ENVIRONMENT VENDOR=acme acme)
