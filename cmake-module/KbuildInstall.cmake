# kbuild_install(): modules where depmod and modprobe look for them.

# kbuild_install(TARGETS <module>... [COMPONENT <component>] [INSTALL_MOD_DIR <dir>])
#
# To ${INSTALL_MOD_PATH}/lib/modules/<release>/<dir>, whatever the install prefix is: the kernel's
# tools look nowhere else. DESTDIR goes before it, as before all that CMake installs.
function(kbuild_install)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "COMPONENT;INSTALL_MOD_DIR" "TARGETS")
  _kbuild_refuse_unknown(kbuild_install "${arg_TARGETS}" "${arg_UNPARSED_ARGUMENTS}")
  if(NOT arg_TARGETS)
    message(FATAL_ERROR "kbuild_install(): name the modules, as in kbuild_install(TARGETS hello)")
  endif()
  if(NOT arg_INSTALL_MOD_DIR)
    set(arg_INSTALL_MOD_DIR updates)
  endif()
  set(component "")
  if(arg_COMPONENT)
    set(component COMPONENT "${arg_COMPONENT}")
  endif()
  foreach(target IN LISTS arg_TARGETS)
    set(modules "")
    if(TARGET "${target}")
      get_target_property(modules ${target} KBUILD_FILES)
    endif()
    if(NOT modules)
      message(FATAL_ERROR
        "kbuild_install(TARGETS ${target}): there is no kernel module of this name; kbuild_add_module() makes one")
    endif()
    foreach(module IN LISTS modules)
      cmake_path(GET module PARENT_PATH folder)
      cmake_path(GET folder FILENAME release)
      install(FILES "${module}"
        DESTINATION "${INSTALL_MOD_PATH}/lib/modules/${release}/${arg_INSTALL_MOD_DIR}"
        ${component})
    endforeach()
  endforeach()
endfunction()
