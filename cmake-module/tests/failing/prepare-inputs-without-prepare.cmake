# says: kbuild_add_module(hello): PREPARE_INPUTS lists the files that the commands of PREPARE read, but PREPARE is missing
kbuild_add_module(hello KBUILD tree PREPARE_INPUTS Kbuild)
