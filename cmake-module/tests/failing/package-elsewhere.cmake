# says: kbuild_add_module(hello): Kbuild was found elsewhere in the project: call find_package(Kbuild)
# only: installed
unset(Kbuild_FOUND)
kbuild_add_module(hello hello.c)
