# says: Kbuild_CACHE is On, which is not a folder: name one with -DKbuild_CACHE=DIR, or turn the cache off with -DKbuild_CACHE=OFF
# with: -DKbuild_CACHE=On
kbuild_add_module(hello hello.c)
