# Finds kbuild-rs and runs it.

# Sets <out_error> to what is wrong, or to nothing.
function(_kbuild_find_program out_error)
  # Beside the package: <prefix>/share/cmake/Kbuild and <prefix>/bin.
  cmake_path(SET prefix NORMALIZE "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../../..")
  find_program(KBUILD_RS_EXECUTABLE kbuild-rs
    HINTS "${prefix}/bin"
    PATHS "$ENV{HOME}/.cargo/bin"
    DOC "The program that builds kernel modules"
    NO_CMAKE_FIND_ROOT_PATH)
  mark_as_advanced(KBUILD_RS_EXECUTABLE)
  set(${out_error} "" PARENT_SCOPE)
  if(NOT KBUILD_RS_EXECUTABLE)
    set(${out_error}
      "the program kbuild-rs is neither in PATH nor beside the package (${prefix}/bin): install it with `cargo install --path kbuild-cli`, or name it with -DKBUILD_RS_EXECUTABLE=FILE"
      PARENT_SCOPE)
    return()
  endif()
  file(TIMESTAMP "${KBUILD_RS_EXECUTABLE}" time "%s" UTC)
  set(program "${KBUILD_RS_EXECUTABLE} ${time}")
  if(program STREQUAL _KBUILD_PROGRAM)
    return()
  endif()
  execute_process(COMMAND "${KBUILD_RS_EXECUTABLE}" --version
    RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE error)
  if(NOT result STREQUAL "0" OR NOT said MATCHES "^kbuild-rs [0-9]")
    set(${out_error}
      "KBUILD_RS_EXECUTABLE names ${KBUILD_RS_EXECUTABLE}, which is no kbuild-rs (${result}): ${said}${error}"
      PARENT_SCOPE)
    return()
  endif()
  # Of what was asked here and of kernels, answers stay for the next run of CMake.
  set(_KBUILD_PROGRAM "${program}" CACHE INTERNAL "The program that was tried, and its time")
endfunction()
