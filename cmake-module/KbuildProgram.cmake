# Finds the program kbuild-rs, which builds modules, or builds it from the source tree of this
# package.
#
# Decisions:
# - CMake builds it when it runs, not with the project: it describes the kernel, on which a project's
#   own if() may depend.
# - The program beside an installed package goes before one in PATH: package and program were
#   installed together.

# Sets <out_error> to an error message, or to an empty string.
function(_kbuild_find_program out_error)
  option(Kbuild_BUILD_PROGRAM "Build kbuild-rs with cargo, out of the source tree of this package" OFF)
  if(Kbuild_BUILD_PROGRAM)
    _kbuild_build_program(program error)
    if(program)
      set(Kbuild_EXECUTABLE "${program}" CACHE FILEPATH "The program that builds modules" FORCE)
    endif()
  else()
    _kbuild_source_tree(source)
    set(beside "")
    set(hint
      "kbuild-rs is not in PATH: install it with `cargo install --path kbuild-cli`, or name it with -DKbuild_EXECUTABLE=FILE, or have it built with -DKbuild_BUILD_PROGRAM=ON")
    if(NOT source)
      # The package is in <prefix>/share/cmake/Kbuild, the program in <prefix>/bin.
      cmake_path(SET beside NORMALIZE "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../../../bin")
      set(hint
        "kbuild-rs is neither beside this package (${beside}) nor in PATH: install it, or name it with -DKbuild_EXECUTABLE=FILE")
    endif()
    find_program(Kbuild_EXECUTABLE kbuild-rs
      HINTS ${beside}
      PATHS "$ENV{HOME}/.cargo/bin"
      DOC "The program that builds modules"
      # These prefixes come before HINTS, but they are for libraries of the project.
      NO_CMAKE_PATH
      NO_CMAKE_ENVIRONMENT_PATH
      NO_CMAKE_FIND_ROOT_PATH)
    set(error "")
    if(NOT Kbuild_EXECUTABLE)
      set(error "${hint}")
    endif()
  endif()
  mark_as_advanced(Kbuild_EXECUTABLE)
  if(NOT error)
    _kbuild_check_program(error)
  endif()
  set(${out_error} "${error}" PARENT_SCOPE)
endfunction()

# Sets <out_error> to the reason why Kbuild_EXECUTABLE does not fit this package, or to an empty
# string.
function(_kbuild_check_program out_error)
  set(${out_error} "" PARENT_SCOPE)
  include("${CMAKE_CURRENT_FUNCTION_LIST_DIR}/KbuildConfigVersion.cmake")
  file(TIMESTAMP "${Kbuild_EXECUTABLE}" time "%s" UTC)
  set(state "${Kbuild_EXECUTABLE} ${time} ${PACKAGE_VERSION}")
  if(state STREQUAL _KBUILD_PROGRAM)
    return()
  endif()
  execute_process(COMMAND "${Kbuild_EXECUTABLE}" --version
    RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE error)
  if(NOT result STREQUAL "0" OR NOT said MATCHES "^kbuild-rs ([0-9.]+)")
    set(${out_error}
      "Kbuild_EXECUTABLE names ${Kbuild_EXECUTABLE}, which is not kbuild-rs (${result}): ${said}${error}"
      PARENT_SCOPE)
    return()
  endif()
  set(version "${CMAKE_MATCH_1}")
  string(REGEX MATCH "^[0-9]+[.][0-9]+" series "${PACKAGE_VERSION}")
  string(REGEX MATCH "^[0-9]+[.][0-9]+" its_series "${version}")
  if(version VERSION_LESS PACKAGE_VERSION OR NOT its_series STREQUAL series)
    set(${out_error}
      "${Kbuild_EXECUTABLE} is kbuild-rs ${version}, and this package takes ${series}.x from ${PACKAGE_VERSION} on: install that, or name it with -DKbuild_EXECUTABLE=FILE"
      PARENT_SCOPE)
    return()
  endif()
  # These answers and those about kernels stay in the cache for the next run of CMake.
  set(_KBUILD_PROGRAM "${state}" CACHE INTERNAL "The program that was tried, its time, and for whom")
endfunction()

# Sets <out> to the program that cargo builds from the source tree, or <out_error> to an error
# message.
#
# It runs now, and not when the project is built, because the program also describes kernels.
function(_kbuild_build_program out out_error)
  set(${out} "" PARENT_SCOPE)
  set(${out_error} "" PARENT_SCOPE)
  _kbuild_source_tree(source)
  if(NOT source)
    set(${out_error}
      "Kbuild_BUILD_PROGRAM only works in the source tree of kbuild-rs, but this package is in ${CMAKE_CURRENT_FUNCTION_LIST_DIR}: turn it off"
      PARENT_SCOPE)
    return()
  endif()
  find_program(Kbuild_CARGO cargo
    HINTS "$ENV{CARGO_HOME}/bin"
    PATHS "$ENV{HOME}/.cargo/bin"
    DOC "Builds kbuild-rs with Kbuild_BUILD_PROGRAM"
    NO_CMAKE_FIND_ROOT_PATH)
  mark_as_advanced(Kbuild_CARGO)
  if(NOT Kbuild_CARGO)
    set(${out_error}
      "Kbuild_BUILD_PROGRAM is on, but cargo is not in PATH: install Rust, or name it with -DKbuild_CARGO=FILE, or turn Kbuild_BUILD_PROGRAM off and name an existing kbuild-rs with -DKbuild_EXECUTABLE=FILE"
      PARENT_SCOPE)
    return()
  endif()
  file(GLOB_RECURSE sources
    "${source}/kbuild-rs/src/*.rs" "${source}/kbuild-cli/src/*.rs" "${source}/kbuild-vm/src/*.rs" "${source}/kbuild-*/Cargo.toml")
  set_property(DIRECTORY "${CMAKE_SOURCE_DIR}" APPEND PROPERTY
    CMAKE_CONFIGURE_DEPENDS ${sources} "${source}/Cargo.toml" "${source}/Cargo.lock")

  set(target_dir "${CMAKE_BINARY_DIR}/kbuild-cargo")
  set(program "${target_dir}/release/kbuild-rs")
  set(quiet "")
  if(EXISTS "${program}")
    set(quiet --quiet)
  else()
    message(STATUS "Kbuild: building kbuild-rs with cargo; this takes a minute or two")
  endif()
  _kbuild_host_environment(environment)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env ${environment}
      "${Kbuild_CARGO}" build --release --locked ${quiet} --package kbuild-cli --no-default-features --features test
      --manifest-path "${source}/Cargo.toml" --target-dir "${target_dir}"
    WORKING_DIRECTORY "${source}"
    RESULT_VARIABLE result)
  if(NOT result STREQUAL "0")
    set(${out_error}
      "cargo could not build kbuild-rs in ${source} (${result}): see cargo's output above" PARENT_SCOPE)
  elseif(NOT EXISTS "${program}")
    set(${out_error}
      "cargo built kbuild-rs, but ${program} is missing. Check whether a cargo configuration file sets another build target"
      PARENT_SCOPE)
  else()
    set(${out} "${program}" PARENT_SCOPE)
  endif()
endfunction()

# Sets <out> to the source tree that contains this package, or to an empty string.
function(_kbuild_source_tree out)
  set(${out} "" PARENT_SCOPE)
  cmake_path(SET source NORMALIZE "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/..")
  cmake_path(GET source PARENT_PATH source)
  if(EXISTS "${source}/kbuild-cli/Cargo.toml")
    set(${out} "${source}" PARENT_SCOPE)
  endif()
endfunction()

# Arguments of `cmake -E env` that remove the project's settings from a build for this machine:
# CMake itself exports the compiler, and scripts of SDKs export everything. The jobserver of an
# outer cargo stays; CMake has removed that of an outer make from the environment.
function(_kbuild_host_environment out)
  set(environment "")
  foreach(variable
      CC CXX CPP AS AR LD NM RANLIB STRIP CFLAGS CXXFLAGS CPPFLAGS LDFLAGS
      CARGO_BUILD_TARGET CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR
      RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_ENCODED_RUSTFLAGS)
    list(APPEND environment --unset=${variable})
  endforeach()
  if(DEFINED ENV{CMAKE_BUILD_PARALLEL_LEVEL} AND NOT DEFINED ENV{CARGO_BUILD_JOBS})
    list(APPEND environment "CARGO_BUILD_JOBS=$ENV{CMAKE_BUILD_PARALLEL_LEVEL}")
  endif()
  set(${out} "${environment}" PARENT_SCOPE)
endfunction()
