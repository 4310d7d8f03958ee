foreach(time first "out of the cache")
  configure()
  expect_match("${said}" "kernel=[0-9]+[.][0-9][^ ]* [a-z0-9]+[.] ")
endforeach()
# Another kernel than before is asked anew.
try_configure(result said -DKDIR=/no/such/tree)
expect_match("${said}" "the kernel tree /no/such/tree does not exist")
# One that an earlier run has found, and that is gone since.
try_configure(result said -DKDIR= -DKbuild_KERNEL_DIR=/no/such/tree)
expect_match("${said}" "/no/such/tree does not exist.*or search again with -UKbuild_KERNEL_DIR")

# The environment has a say at the first run alone.
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
