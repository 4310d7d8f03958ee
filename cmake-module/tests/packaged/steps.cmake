# pack(<out_result> <out_said>)
function(pack out_result out_said)
  cmake_path(GET CMAKE_COMMAND PARENT_PATH programs)
  execute_process(COMMAND "${programs}/cpack" WORKING_DIRECTORY "${BUILD_DIR}"
    RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  set(${out_result} "${result}" PARENT_SCOPE)
  set(${out_said} "${said}" PARENT_SCOPE)
endfunction()

# CMake is as strict as it can be, and the modules of this machine stay untouched.
configure(-Werror=dev "-DINSTALL_MOD_PATH=${WORK}/machine")
pack(result said)
expect_match("${said}" "CPack would install the modules on this machine")
if(result STREQUAL "0")
  message(FATAL_ERROR "cpack succeeded\n${said}")
endif()

# A relative path starts in the working directory, not at the prefix.
configure(-DCPACK_SET_DESTDIR=ON -DINSTALL_MOD_PATH=image)
set(TARGET hello)
build(hello.ko)
pack(result said)
expect_equal("${result}" 0)
file(ARCHIVE_EXTRACT INPUT "${BUILD_DIR}/packaged.tar.gz" DESTINATION "${WORK}/unpacked")
file(GLOB_RECURSE modules RELATIVE "${WORK}/unpacked" "${WORK}/unpacked/*.ko")
expect_match("${modules}" "^packaged${CMAKE_BINARY_DIR}/image/lib/modules/[^/]+/updates/hello[.]ko$")
