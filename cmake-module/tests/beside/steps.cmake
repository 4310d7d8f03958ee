# expect(<program>)
function(expect program)
  load_cache("${BUILD_DIR}" READ_WITH_PREFIX cached_ Kbuild_EXECUTABLE)
  expect_equal("${cached_Kbuild_EXECUTABLE}" "${program}")
endfunction()

configure()
load_cache("${BUILD_DIR}" READ_WITH_PREFIX cached_ Kbuild_EXECUTABLE Kbuild_DIR)
set(program "${cached_Kbuild_EXECUTABLE}")

file(MAKE_DIRECTORY "${WORK}/bin")
file(CREATE_LINK "${program}" "${WORK}/bin/kbuild-rs" SYMBOLIC)
file(REMOVE_RECURSE "${BUILD_DIR}")
set(ENVIRONMENT "PATH=${WORK}/bin:$ENV{PATH}")
configure(-UKbuild_EXECUTABLE)
expect("${WORK}/bin/kbuild-rs")

# A program that was installed with the package comes before one in PATH, and before one in a prefix
# with other packages.
file(COPY "${cached_Kbuild_DIR}" DESTINATION "${WORK}/prefix/share/cmake")
file(MAKE_DIRECTORY "${WORK}/prefix/bin")
file(CREATE_LINK "${program}" "${WORK}/prefix/bin/kbuild-rs" SYMBOLIC)
file(REMOVE_RECURSE "${BUILD_DIR}")
list(APPEND ENVIRONMENT "CMAKE_PREFIX_PATH=${WORK}")
configure(-UKbuild_EXECUTABLE "-DCMAKE_PREFIX_PATH=${WORK}" "-DKbuild_DIR=${WORK}/prefix/share/cmake/Kbuild")
expect("${WORK}/prefix/bin/kbuild-rs")
