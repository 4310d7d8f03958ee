# says: does not lie in the source tree of kbuild-rs
# with: -DKbuild_BUILD_PROGRAM=ON
# only: installed
kbuild_add_module(hello hello.c)
