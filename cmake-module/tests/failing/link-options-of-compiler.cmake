# says: kbuild_add_module(hello): LINK_OPTIONS has LINKER:-s; kbuild calls the linker itself, so write each flag as ld takes it, without LINKER:
kbuild_add_module(hello hello.c LINK_OPTIONS -z nodlopen LINKER:-s)
