# The arguments of kbuild_add_module() other than sources.

# Normalizes the caller's arg_*, and refuses invalid values.
macro(_kbuild_check_arguments)
  _kbuild_require_package(kbuild_add_module "${name}")
  if(NOT name MATCHES "^[A-Za-z0-9_-]+$")
    message(FATAL_ERROR
      "kbuild_add_module(${name}): a module's name holds letters, digits, - and _ only")
  endif()
  # The other keywords take a list, which may be empty: KERNEL ${kernels}.
  if(arg_KEYWORDS_MISSING_VALUES MATCHES "KBUILD|TREE_ROOT|BTF_BASE")
    message(FATAL_ERROR "kbuild_add_module(${name}): ${CMAKE_MATCH_0} has no value")
  endif()
  if(NOT "${arg_REQUIRES_CONFIG}${arg_REQUIRES_KERNEL}${arg_REQUIRES_ARCH}${arg_REQUIRES_SYMBOLS}" STREQUAL "")
    _kbuild_check_requirements()
    _kbuild_take_sources_behind_requirements()
  endif()
  if(arg_MODULES OR arg_KERNEL OR arg_CONFIG OR arg_MAKE_VARIABLES OR arg_ENVIRONMENT
      OR arg_SANDBOX_ALLOW)
    foreach(keyword MODULES KERNEL CONFIG MAKE_VARIABLES ENVIRONMENT SANDBOX_ALLOW)
      _kbuild_take_sources()
    endforeach()
    _kbuild_check_settings()
  endif()
  if(arg_TREE_ROOT OR arg_EXCLUDE OR arg_PREPARE OR arg_PREPARE_INPUTS OR arg_LINK_OPTIONS)
    _kbuild_check_form()
  endif()
  if(arg_PRODUCTS)
    foreach(product IN LISTS arg_PRODUCTS)
      if(product MATCHES "^/|^[.][.]?(/|$)|/[.][.]?(/|$)|/$|//")
        message(FATAL_ERROR
          "kbuild_add_module(${name}): PRODUCTS has ${product}; name a file below the module tree, as in fw.bin or sub/fw.bin")
      endif()
    endforeach()
  endif()
  if(arg_KBUILD)
    if(NOT arg_MODULES)
      set(arg_MODULES ${name})
    endif()
    if(arg_UNPARSED_ARGUMENTS)
      list(GET arg_UNPARSED_ARGUMENTS 0 first)
      message(FATAL_ERROR
        "kbuild_add_module(${name}): unknown argument ${first}; with KBUILD, the tree's own Kbuild lists the sources. List a generated file that it needs under DEPENDS")
    endif()
    cmake_path(ABSOLUTE_PATH arg_KBUILD BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    if(NOT EXISTS "${arg_KBUILD}/Kbuild" AND NOT EXISTS "${arg_KBUILD}/Makefile")
      message(FATAL_ERROR "kbuild_add_module(${name}): ${arg_KBUILD} has neither a Kbuild nor a Makefile")
    endif()
    if(arg_TREE_ROOT)
      # cmake_path() leaves a slash at the end.
      get_filename_component(arg_TREE_ROOT "${arg_TREE_ROOT}" ABSOLUTE)
      cmake_path(IS_PREFIX arg_TREE_ROOT "${arg_KBUILD}" is_below)
      if(NOT is_below)
        message(FATAL_ERROR "kbuild_add_module(${name}): TREE_ROOT ${arg_TREE_ROOT} does not contain the module tree ${arg_KBUILD}")
      endif()
    endif()
  elseif(arg_PRODUCTS)
    message(FATAL_ERROR
      "kbuild_add_module(${name}): PRODUCTS only works with KBUILD: the Kbuild of the module tree has the rules for them")
  elseif(arg_MODULES)
    message(FATAL_ERROR
      "kbuild_add_module(${name}): MODULES is for a module tree (KBUILD); a module built from sources has exactly one name, ${name}")
  elseif(NOT arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR
      "kbuild_add_module(${name}): no source; list them, or name the folder of a module tree with KBUILD")
  endif()
  _kbuild_check_rust_arguments()
  if(arg_INCLUDE_DIRECTORIES)
    list(TRANSFORM arg_INCLUDE_DIRECTORIES REPLACE "^([^/$].*)$"
      "${CMAKE_CURRENT_SOURCE_DIR}/\\1")
  endif()
  if(arg_COMPILE_DEFINITIONS)
    list(TRANSFORM arg_COMPILE_DEFINITIONS REPLACE "^-D" "")
  endif()
endmacro()

# Sources may come last: moves sources that follow the values of `keyword` to the other sources.
macro(_kbuild_take_sources)
  if(arg_${keyword})
    set(taken "${arg_${keyword}}")
    list(FILTER taken INCLUDE REGEX "^[^=]*[.](c|S|rs|h|o_shipped)$")
    if(taken)
      list(REMOVE_ITEM arg_${keyword} ${taken})
      list(APPEND arg_UNPARSED_ARGUMENTS ${taken})
    endif()
  endif()
endmacro()

# Arguments that are not sources: a header that another rule makes, or a mistake.
macro(_kbuild_other_source)
  if(file MATCHES "[.]h$")
    list(APPEND headers "${path}")
  elseif(file MATCHES "^[A-Z_]+$")
    message(FATAL_ERROR "kbuild_add_module(${name}): unknown argument ${file}")
  else()
    message(FATAL_ERROR
      "kbuild_add_module(${name}): ${file} is not a source of a module: list .c, .S, .rs and .o_shipped files, and .h for a header that another rule makes")
  endif()
endmacro()

# CMake does the same: a file that is not in the source folder is in the build folder.
macro(_kbuild_generated_source)
  if(NOT IS_ABSOLUTE "${file}")
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}" NORMALIZE
      OUTPUT_VARIABLE path)
  endif()
  # A later rule may create it.
  set_property(TARGET ${name} APPEND PROPERTY _KBUILD_UNSEEN "${path}")
endmacro()

# Commands are visible in the whole project, but variables of find_package() are not.
function(_kbuild_require_package command subject)
  if(NOT DEFINED Kbuild_FOUND)
    message(FATAL_ERROR
      "${command}(${subject}): Kbuild is not visible here, because another folder found it. Call find_package(Kbuild) (or add_subdirectory() of its source tree) in this folder or a parent folder, and not in a function")
  elseif(NOT Kbuild_FOUND)
    message(FATAL_ERROR "${command}(${subject}): ${Kbuild_NOT_FOUND_MESSAGE}")
  endif()
endfunction()

# Refuses arguments of a command that it does not know.
function(_kbuild_refuse_unknown command subject unknown)
  if(unknown)
    list(GET unknown 0 first)
    message(FATAL_ERROR "${command}(${subject}): unknown argument ${first}")
  endif()
endfunction()
