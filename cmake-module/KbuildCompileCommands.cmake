# The modules' entries in ${CMAKE_BINARY_DIR}/compile_commands.json, which clangd and others read, and
# their crates in rust-project.json beside it, for rust-analyzer.
#
# CMake writes that file at the end of its run, without entries for modules. So the build adds them:
# each module's after its build, and all known entries after each run of CMake, by a target that the
# modules wait for. That target only depends on a run of CMake: a rule that depends on a file and
# changes it is never up to date.
#
# One call writes both files. A project that needs one of them for an editor also needs the other,
# and the kernel's part is the same for all modules.

# Sets <out> to the command that a module's rule runs at its end, if the project wants entries.
# <folder> is the folder of the module's own compile_commands.json.
function(_kbuild_export_compile_commands out target folder)
  set_property(GLOBAL APPEND PROPERTY _KBUILD_EXPORTING ${target})
  set_property(GLOBAL APPEND PROPERTY _KBUILD_COMPILE_COMMANDS "${folder}/compile_commands.json")
  _kbuild_compile_commands_folder(own)
  set(${out} COMMAND "${Kbuild_EXECUTABLE}" "@${own}/arguments" PARENT_SCOPE)
endfunction()

# Adds the target, when all modules are known.
function(_kbuild_add_compile_commands)
  get_property(files GLOBAL PROPERTY _KBUILD_COMPILE_COMMANDS)
  get_property(targets GLOBAL PROPERTY _KBUILD_EXPORTING)
  if(NOT files)
    return()
  endif()
  list(REMOVE_DUPLICATES files)
  _kbuild_compile_commands_folder(own)
  set(into "${CMAKE_BINARY_DIR}/compile_commands.json")
  list(JOIN files "\n" files)
  # Written at each run of CMake, because CMake then removes the entries.
  file(WRITE "${own}/arguments"
    "compile-commands\n--into\n${into}\n--record\n${own}/record\n${files}\n")
  add_custom_command(
    OUTPUT "${own}/stamp"
    COMMAND "${Kbuild_EXECUTABLE}" "@${own}/arguments"
    COMMAND "${CMAKE_COMMAND}" -E touch "${own}/stamp"
    DEPENDS "${own}/arguments"
    COMMENT "Adding kernel modules to compile_commands.json"
    VERBATIM)
  add_custom_target(kbuild-compile-commands ALL DEPENDS "${own}/stamp")
  foreach(target IN LISTS targets)
    add_dependencies(${target} kbuild-compile-commands)
  endforeach()
endfunction()

function(_kbuild_compile_commands_folder out)
  set(${out} "${CMAKE_BINARY_DIR}/CMakeFiles/kbuild-compile-commands.dir" PARENT_SCOPE)
endfunction()
