# kbuild_install(): installs modules into the folder that depmod and modprobe search.

# PATH: a relative path on the command line is relative to the working directory, not to the prefix.
set(INSTALL_MOD_PATH "" CACHE PATH "Folder before /lib/modules for installed modules")

# kbuild_install(TARGETS <module>... [COMPONENT <component>] [INSTALL_MOD_DIR <dir>])
#
# Installs to ${INSTALL_MOD_PATH}/lib/modules/<release>/<dir>, independent of the install prefix:
# the kernel's tools only search there. DESTDIR goes before it, as for everything that CMake
# installs.
function(kbuild_install)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "COMPONENT;INSTALL_MOD_DIR" "TARGETS")
  _kbuild_refuse_unknown(kbuild_install "${arg_TARGETS}" "${arg_UNPARSED_ARGUMENTS}")
  if(arg_KEYWORDS_MISSING_VALUES)
    list(GET arg_KEYWORDS_MISSING_VALUES 0 keyword)
    message(FATAL_ERROR "kbuild_install(${arg_TARGETS}): ${keyword} has no value")
  elseif(NOT arg_TARGETS)
    message(FATAL_ERROR "kbuild_install(): name the modules, as in kbuild_install(TARGETS hello)")
  endif()
  if(NOT arg_INSTALL_MOD_DIR)
    set(arg_INSTALL_MOD_DIR updates)
  endif()
  set(component "")
  if(arg_COMPONENT)
    set(component COMPONENT "${arg_COMPONENT}")
  endif()
  # CPack collects files below the prefix, or below DESTDIR if CPACK_SET_DESTDIR is set.
  install(CODE [[
    if(CMAKE_INSTALL_PREFIX MATCHES "/_CPack_Packages/" AND "$ENV{DESTDIR}" STREQUAL "")
      message(FATAL_ERROR "kbuild_install(): CPack would install the modules on this machine instead of into its package: write set(CPACK_SET_DESTDIR ON) before include(CPack)")
    endif()]] ${component})
  # Since 4.4, CMake warns about absolute destinations. This one is intended.
  if(COMMAND cmake_diagnostic)
    cmake_diagnostic(PUSH)
    cmake_diagnostic(SET CMD_INSTALL_ABSOLUTE_DESTINATION IGNORE)
  endif()
  foreach(target IN LISTS arg_TARGETS)
    set(modules "")
    if(TARGET "${target}")
      get_target_property(modules ${target} KBUILD_FILES)
    endif()
    if(NOT modules)
      message(FATAL_ERROR
        "kbuild_install(TARGETS ${target}): ${target} is not a kernel module: create it with kbuild_add_module()")
    endif()
    foreach(module IN LISTS modules)
      cmake_path(GET module PARENT_PATH folder)
      cmake_path(GET folder FILENAME release)
      install(FILES "${module}"
        DESTINATION "${INSTALL_MOD_PATH}/lib/modules/${release}/${arg_INSTALL_MOD_DIR}"
        ${component})
    endforeach()
  endforeach()
  if(COMMAND cmake_diagnostic)
    cmake_diagnostic(POP)
  endif()
endfunction()
