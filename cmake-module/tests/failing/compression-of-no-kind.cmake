# says: kbuild_install(hello): COMPRESS is bzip2, and must be none, gzip, xz or zstd
kbuild_add_module(hello hello.c)
kbuild_install(TARGETS hello COMPRESS bzip2)
