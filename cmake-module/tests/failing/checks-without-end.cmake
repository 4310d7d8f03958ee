# says: kbuild_begin_checks(): kbuild_end_checks() is missing
kbuild_begin_checks()
kbuild_check_include_file(linux/module.h HAVE_MODULE_H)
