# says: kbuild_end_checks(): kbuild_begin_checks() is missing
kbuild_end_checks()
