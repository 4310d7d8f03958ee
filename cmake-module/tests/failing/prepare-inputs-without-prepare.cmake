# says: kbuild_add_module(hello): PREPARE_INPUTS names what the commands of PREPARE read, and there is no PREPARE
kbuild_add_module(hello KBUILD tree PREPARE_INPUTS Kbuild)
