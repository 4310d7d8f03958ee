# says: kbuild_add_module(hello): Kbuild is not visible here, because another folder found it. Call find_package(Kbuild)
# only: installed
unset(Kbuild_FOUND)
kbuild_add_module(hello hello.c)
