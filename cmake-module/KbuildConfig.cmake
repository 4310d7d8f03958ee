# Linux kernel modules as targets: find_package(Kbuild CONFIG).
#
# The interface for projects is described in docs/cmake.md. Each file has one job:
#   KbuildProgram    finds kbuild-rs, which builds the modules
#   KbuildKernel     the kernel tree: finds and describes it
#   KbuildProbe      kbuild_check_*(): questions about the kernel
#   KbuildModule     kbuild_add_module()
#   KbuildArguments  its arguments
#   KbuildSettings   those of its arguments that make and the tools get
#   KbuildRequirements       what a module requires of the kernel
#   KbuildRust       additional rules for sources in Rust
#   KbuildLink       links between targets: order and errors, once the whole project is known
#   KbuildInstall    kbuild_install()
#   KbuildTest       kbuild_add_test()
#   KbuildCompileCommands    the modules' entries in compile_commands.json

if(CMAKE_VERSION VERSION_LESS 3.22)
  set(Kbuild_FOUND FALSE)
  set(Kbuild_NOT_FOUND_MESSAGE "Kbuild needs CMake 3.22 or newer; this is ${CMAKE_VERSION}")
  return()
endif()
cmake_policy(VERSION 3.22...4.0)

include("${CMAKE_CURRENT_LIST_DIR}/KbuildProgram.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildKernel.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildProbe.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildModule.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildArguments.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildSettings.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildRequirements.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildRust.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildLink.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildInstall.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildTest.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/KbuildCompileCommands.cmake")

set(Kbuild_FOUND TRUE)
_kbuild_find_program(Kbuild_NOT_FOUND_MESSAGE)
if(NOT Kbuild_NOT_FOUND_MESSAGE)
  _kbuild_find_kernel(Kbuild_NOT_FOUND_MESSAGE)
endif()
if(Kbuild_NOT_FOUND_MESSAGE)
  set(Kbuild_FOUND FALSE)
endif()
