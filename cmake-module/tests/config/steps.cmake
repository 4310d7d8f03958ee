foreach(time first "out of the cache")
  configure()
  expect_match("${said}" "kernel=[0-9]+[.][0-9][^ ]* [a-z0-9]+[.] ")
endforeach()
# A new kernel is asked anew.
try_configure(result said -DKDIR=/no/such/tree)
expect_match("${said}" "the kernel tree /no/such/tree does not exist")
# An earlier run has found the kernel, and it does not exist any more.
try_configure(result said -DKDIR= -DKbuild_KERNEL_DIR=/no/such/tree)
expect_match("${said}" "/no/such/tree does not exist.*or search again with -UKbuild_KERNEL_DIR")

# The environment only counts at the first run.
file(STRINGS "${WORK}/settings.cmake" setting REGEX "^set[(]KDIR ")
string(REGEX REPLACE ".*[[]==[[](.*)[]]==[]].*" "\\1" tree "${setting}")
file(REMOVE_RECURSE "${BUILD_DIR}")
foreach(tree "${tree}" /no/such/tree)
  set(ENVIRONMENT "KDIR=${tree}")
  configure(-DKDIR=)
endforeach()
file(REMOVE_RECURSE "${BUILD_DIR}")
try_configure(result said -DKDIR=)
expect_match("${said}" "the kernel tree /no/such/tree does not exist")
