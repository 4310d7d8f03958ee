# says: kbuild_add_module(hello): SANDBOX_ALLOW lists what the sandbox may use, but SANDBOX is missing
kbuild_add_module(hello hello.c SANDBOX_ALLOW network)
