# says: kbuild_check_include_file(HAVE_MODULE_H): between kbuild_begin_checks() and kbuild_end_checks(), give the settings to kbuild_begin_checks()
kbuild_begin_checks()
kbuild_check_include_file(linux/module.h HAVE_MODULE_H COMPILE_DEFINITIONS A)
