foreach(time first "out of the cache")
  configure()
  expect_match("${said}" "kernel=[0-9]+[.][0-9][^ ]* [a-z0-9]+[.] ")
endforeach()
# Another kernel than before is asked anew.
try_configure(result said -DKDIR=/no/such/tree)
expect_match("${said}" "the kernel tree /no/such/tree does not exist")
