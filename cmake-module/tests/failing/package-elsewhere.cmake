# says: kbuild_add_module(hello): find_package(Kbuild) was called in no folder above this one
# only: installed
unset(Kbuild_FOUND)
kbuild_add_module(hello hello.c)
