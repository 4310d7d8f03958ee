# says: Kbuild_BUILD_PROGRAM only works in the source tree of kbuild-rs, but this package is in 
# with: -DKbuild_BUILD_PROGRAM=ON
# only: installed
kbuild_add_module(hello hello.c)
