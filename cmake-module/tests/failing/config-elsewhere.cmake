# says: kbuild_get_config(modules MODULES): Kbuild was found elsewhere in the project
# only: installed
unset(Kbuild_FOUND)
kbuild_get_config(modules MODULES)
