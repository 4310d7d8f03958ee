# says: a module's name holds letters, digits, - and _ only
kbuild_add_module(a.b hello.c)
