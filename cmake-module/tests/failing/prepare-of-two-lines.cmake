# says: kbuild_add_module(hello): PREPARE has a line break; give it one argument for each command
kbuild_add_module(hello KBUILD tree PREPARE "sh configure
  sh configure again")
