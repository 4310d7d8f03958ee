# says: kbuild_get_config(modules MODULES): Kbuild is not visible here, because another folder found it
# only: installed
unset(Kbuild_FOUND)
kbuild_get_config(modules MODULES)
