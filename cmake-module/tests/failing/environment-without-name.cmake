# says: kbuild_add_module(hello): ENVIRONMENT has acme: write NAME=VALUE
kbuild_add_module(hello KBUILD tree ENVIRONMENT VENDOR=acme acme)
