# The kernel tree that modules are built against, and its description.
#
# The description stays in the cache: a query takes two processes and 5 ms, while the rest of a
# configure run with one module takes 16 ms.

# Sets Kbuild_KERNEL_DIR, and _RELEASE, _ARCH and _RUST beside it, in the caller's scope, and
# <out_error> to an error message, or to an empty string.
#
# Kbuild_KERNEL_DIR keeps the kernel tree that was found: a later run of CMake, started by ninja or
# by make from another shell, must not switch to another kernel.
function(_kbuild_find_kernel out_error)
  # STRING, because CMake would treat a release as a relative PATH.
  set(Kbuild_KERNEL_DIR "" CACHE STRING
    "Kernel tree or release to build modules against; KDIR takes precedence")
  set(Kbuild_CC "" CACHE STRING
    "C compiler for modules. Default: the one that the kernel was built with")
  set(Kbuild_RUSTC "" CACHE STRING
    "Rust compiler for modules. Default: search for the one that the kernel was built with")
  set(Kbuild_BINDGEN "" CACHE STRING
    "The program bindgen, which declares C headers for modules in Rust. Default: search PATH")
  option(Kbuild_CLIPPY "Run clippy on modules in Rust" OFF)
  set(Kbuild_EXTRA_WARNINGS "" CACHE STRING
    "More compiler warnings for modules: 1, 2, 3 or a combination, as in kbuild's W=")
  option(Kbuild_SANDBOX "Build all modules in a sandbox" OFF)
  set(Kbuild_SANDBOX_ALLOW "" CACHE STRING
    "What the sandbox may use: network, read=PATH or write=PATH")
  if(DEFINED Kbuild_CACHE)
    _kbuild_check_cache()
  endif()
  # PATH: a relative path on the command line starts at the working directory. OFF stays OFF.
  set(Kbuild_CACHE "" CACHE PATH
    "Cache folder of finished modules; OFF: no cache. Default: KBUILD_RS_CACHE of the build's environment")
  set(Kbuild_MISSING_SYMVERS error CACHE STRING
    "Policy for a kernel tree without Module.symvers, where symbols cannot be checked: error or warn")
  set_property(CACHE Kbuild_MISSING_SYMVERS PROPERTY STRINGS error warn)
  if(KDIR)
    set(wanted "${KDIR}")
  else()
    set(wanted "${Kbuild_KERNEL_DIR}")
  endif()
  _kbuild_describe_kernel("${wanted}" kernel error)
  if(error AND wanted AND NOT KDIR)
    string(APPEND error
      ". An earlier CMake run chose this kernel tree. Name another one with -DKDIR=DIR, or search again with -UKbuild_KERNEL_DIR")
  endif()
  set(${out_error} "${error}" PARENT_SCOPE)
  if(error)
    return()
  endif()
  string(JSON dir GET "${kernel}" path)
  if(NOT Kbuild_KERNEL_DIR STREQUAL dir)
    set_property(CACHE Kbuild_KERNEL_DIR PROPERTY VALUE "${dir}")
  endif()
  foreach(pair RELEASE=release ARCH=arch RUST=has_rust)
    string(REGEX MATCH "(.*)=(.*)" pair "${pair}")
    string(JSON value GET "${kernel}" ${CMAKE_MATCH_2})
    set(Kbuild_KERNEL_${CMAKE_MATCH_1} "${value}" PARENT_SCOPE)
  endforeach()
endfunction()

# Sets <out> to the kernel tree for a cross build: `wanted` if it is a path or there is no sysroot,
# else the tree in the sysroot. It is never the running kernel.
function(_kbuild_find_target_kernel out wanted out_error)
  set(${out} "${wanted}" PARENT_SCOPE)
  set(${out_error} "" PARENT_SCOPE)
  if(wanted STREQUAL "" AND NOT "$ENV{KDIR}" STREQUAL "")
    set(wanted "$ENV{KDIR}")
    set(${out} "${wanted}" PARENT_SCOPE)
  endif()
  if(wanted MATCHES "/")
    return()
  elseif(NOT CMAKE_SYSROOT)
    if(wanted STREQUAL "")
      set(${out_error}
        "a cross build does not use the running kernel: name a kernel tree with -DKDIR=DIR, or set CMAKE_SYSROOT to a sysroot that contains one"
        PARENT_SCOPE)
    endif()
    return()
  endif()
  set(release "*")
  set(what "kernel tree")
  if(wanted)
    set(release "${wanted}")
    set(what "tree for kernel ${wanted}")
  endif()
  file(GLOB found
    "${CMAKE_SYSROOT}/lib/modules/${release}/build"
    "${CMAKE_SYSROOT}/usr/lib/modules/${release}/build"
    "${CMAKE_SYSROOT}/usr/src/linux-headers-${release}"
    "${CMAKE_SYSROOT}/usr/src/kernels/${release}")
  set(trees "")
  foreach(tree IN LISTS found)
    # A link in the sysroot may be an absolute one of the target, whose / is the sysroot.
    if(IS_SYMLINK "${tree}")
      file(READ_SYMLINK "${tree}" leads)
      if(IS_ABSOLUTE "${leads}" AND EXISTS "${CMAKE_SYSROOT}${leads}")
        set(tree "${CMAKE_SYSROOT}${leads}")
      endif()
    endif()
    if(EXISTS "${tree}/include/config/auto.conf")
      file(REAL_PATH "${tree}" tree)
      list(APPEND trees "${tree}")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES trees)
  list(LENGTH trees count)
  if(count EQUAL 1)
    set(${out} "${trees}" PARENT_SCOPE)
  elseif(count EQUAL 0)
    set(${out_error}
      "the sysroot ${CMAKE_SYSROOT} has no ${what} in lib/modules/*/build, usr/src/linux-headers-* or usr/src/kernels/*: name one with -DKDIR=DIR"
      PARENT_SCOPE)
  else()
    list(JOIN trees ", " trees)
    set(${out_error}
      "the sysroot ${CMAKE_SYSROOT} has several kernel trees, ${trees}: name one with -DKDIR=DIR"
      PARENT_SCOPE)
  endif()
endfunction()

# Sets <out> to the JSON that `kbuild-rs kernels` prints about a kernel (a path, a release, or
# nothing for the default), or <out_error> to the reason why modules cannot be built against it.
function(_kbuild_describe_kernel wanted out out_error)
  if(CMAKE_CROSSCOMPILING)
    _kbuild_find_target_kernel(wanted "${wanted}" error)
    if(error)
      set(${out_error} "${error}" PARENT_SCOPE)
      return()
    endif()
  endif()
  # Another architecture is refused now, instead of by each module's rule.
  set(arch "")
  if(DEFINED ENV{ARCH})
    set(arch "$ENV{ARCH}")
  endif()
  set(flags "")
  if(CMAKE_CROSSCOMPILING AND CMAKE_SYSTEM_PROCESSOR)
    set(arch "${CMAKE_SYSTEM_PROCESSOR}")
    set(flags --arch "${arch}")
  endif()
  string(MD5 key "${wanted}")
  set(config "include/config/auto.conf")
  set(json "")
  set(time "")
  if(DEFINED CACHE{_KBUILD_KERNEL_${key}})
    set(json "$CACHE{_KBUILD_KERNEL_${key}}")
    string(JSON dir GET "${json}" path)
    file(TIMESTAMP "${dir}/${config}" time "%s" UTC)
  endif()
  # The default is searched for each time, because another kernel may have been installed.
  if(wanted STREQUAL "" OR NOT json
      OR NOT _KBUILD_KERNEL_STATE_${key} STREQUAL "${_KBUILD_PROGRAM} ${time} ${arch}")
    if(wanted STREQUAL "")
      set(which --default)
    else()
      set(which -- "${wanted}")
    endif()
    execute_process(COMMAND "${Kbuild_EXECUTABLE}" kernels --message-format json ${flags} ${which}
      OUTPUT_VARIABLE json ERROR_VARIABLE said OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(JSON usable ERROR_VARIABLE no_json GET "${json}" usable)
    if(no_json)
      set(${out_error} "${Kbuild_EXECUTABLE} cannot describe the kernel: ${said}" PARENT_SCOPE)
      return()
    elseif(NOT usable)
      string(JSON message GET "${json}" error message)
      set(${out_error} "${message}" PARENT_SCOPE)
      return()
    endif()
    string(JSON dir GET "${json}" path)
    file(TIMESTAMP "${dir}/${config}" time "%s" UTC)
    set(_KBUILD_KERNEL_${key} "${json}" CACHE INTERNAL "What kbuild-rs says about a kernel")
    set(state "${_KBUILD_PROGRAM} ${time} ${arch}")
    set(_KBUILD_KERNEL_STATE_${key} "${state}" CACHE INTERNAL "When, and for which architecture")
  endif()
  # The answers to the project's earlier questions about the kernel may change.
  get_property(known GLOBAL PROPERTY _KBUILD_WATCHED)
  if(NOT dir IN_LIST known)
    set_property(GLOBAL APPEND PROPERTY _KBUILD_WATCHED "${dir}")
    set_property(DIRECTORY "${CMAKE_SOURCE_DIR}" APPEND PROPERTY
      CMAKE_CONFIGURE_DEPENDS "${dir}/${config}")
  endif()
  set(${out} "${json}" PARENT_SCOPE)
  set(${out_error} "" PARENT_SCOPE)
endfunction()

# kbuild_get_config(<variable> <symbol> [KERNEL <kernel>])
#
# Sets <variable> to the value that the kernel's configuration gives CONFIG_<symbol>: y, m, a number
# or a string without its quotes; n, which is false for if(), if it is not set.
function(kbuild_get_config variable symbol)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "KERNEL" "")
  _kbuild_refuse_unknown(kbuild_get_config "${symbol}" "${arg_UNPARSED_ARGUMENTS}")
  _kbuild_require_package(kbuild_get_config "${variable} ${symbol}")
  if(NOT arg_KERNEL)
    set(arg_KERNEL "${Kbuild_KERNEL_DIR}")
  endif()
  _kbuild_describe_kernel("${arg_KERNEL}" kernel error)
  if(error)
    message(FATAL_ERROR "kbuild_get_config(${variable} ${symbol}): ${error}")
  endif()
  string(REGEX REPLACE "^CONFIG_" "" symbol "${symbol}")
  string(JSON dir GET "${kernel}" path)
  file(STRINGS "${dir}/include/config/auto.conf" line REGEX "^CONFIG_${symbol}=")
  if(line MATCHES "^[^=]*=\"(.*)\"$")
    set(${variable} "${CMAKE_MATCH_1}" PARENT_SCOPE)
  elseif(line MATCHES "^[^=]*=(.*)$")
    set(${variable} "${CMAKE_MATCH_1}" PARENT_SCOPE)
  else()
    set(${variable} n PARENT_SCOPE)
  endif()
endfunction()

# Sets <out> to kbuild-rs's flags for the toolchain of a kernel's modules. Only a toolchain file
# counts, because CMake's own choice of a compiler is for programs, and modules use the kernel's
# compiler.
function(_kbuild_toolchain out description)
  set(flags "")
  set(cc "${Kbuild_CC}")
  if(CMAKE_CROSSCOMPILING)
    if(CMAKE_SYSTEM_PROCESSOR)
      list(APPEND flags --arch "${CMAKE_SYSTEM_PROCESSOR}")
    endif()
    cmake_path(GET CMAKE_C_COMPILER FILENAME compiler)
    cmake_path(GET CMAKE_C_COMPILER PARENT_PATH folder)
    if(compiler MATCHES "^(.+-)gcc(-[0-9.]+)?$")
      list(APPEND flags --cross-compile "${folder}/${CMAKE_MATCH_1}")
    elseif(compiler MATCHES "^clang(-[0-9.]+)$")
      # The other tools have the suffix too, so LLVM= gets it.
      list(APPEND flags --llvm "${CMAKE_MATCH_1}")
    elseif(compiler MATCHES "clang")
      list(APPEND flags --llvm "${folder}/")
    endif()
    set(default_cc "${CMAKE_C_COMPILER}")
  elseif(description MATCHES "\\[\"CC\",\"([^\"]*)\"\\]")
    set(default_cc "${CMAKE_MATCH_1}")
  else()
    set(default_cc gcc)
  endif()
  if(CMAKE_C_COMPILER_LAUNCHER)
    if(NOT cc)
      set(cc "${default_cc}")
    endif()
    list(JOIN CMAKE_C_COMPILER_LAUNCHER " " launcher)
    string(PREPEND cc "${launcher} ")
  endif()
  if(cc)
    list(APPEND flags --cc "${cc}")
  endif()
  if(Kbuild_RUSTC)
    list(APPEND flags --rustc "${Kbuild_RUSTC}")
  endif()
  if(Kbuild_CLIPPY)
    list(APPEND flags --clippy)
  endif()
  set(${out} "${flags}" PARENT_SCOPE)
endfunction()
