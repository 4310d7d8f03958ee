# kbuild_add_module(): a kernel module as a target.
#
# The target is an INTERFACE library that owns the rule for its own products. What target_*()
# commands and generator expressions say about it holds for the module and travels to those that
# link to it; the symvers travels as INTERFACE_LINK_DEPENDS. The rule's OUTPUT is a stamp: a .ko
# and a symvers keep their time where they did not change, so that nothing is built for them.

define_property(TARGET PROPERTY KBUILD_KERNEL
  BRIEF_DOCS "The release of the kernel that a module is for"
  FULL_DOCS "Set by kbuild_add_module(); not on a target that stands for several kernels.")
define_property(TARGET PROPERTY KBUILD_KERNEL_DIR
  BRIEF_DOCS "The kernel tree that a module is built against"
  FULL_DOCS "Set by kbuild_add_module(); not on a target that stands for several kernels.")
define_property(TARGET PROPERTY KBUILD_MODULES
  BRIEF_DOCS "The names of the modules that a target builds"
  FULL_DOCS "Set by kbuild_add_module(). A target that has it is a kernel module.")
define_property(TARGET PROPERTY KBUILD_FILES
  BRIEF_DOCS "The paths of the .ko files that a target builds"
  FULL_DOCS "Set by kbuild_add_module().")
define_property(TARGET PROPERTY KBUILD_SYMVERS
  BRIEF_DOCS "The path of the symvers of a target's modules"
  FULL_DOCS "Set by kbuild_add_module(). A symvers keeps its time while its content stays.")

# kbuild_add_module(<name> [<source>...] [EXCLUDE_FROM_ALL]
#   [KBUILD <dir> [ROOT <dir>]] [MODULES <name>...] [KERNEL <kernel>...]
#   [COMPILE_DEFINITIONS <definition>...] [COMPILE_OPTIONS <option>...]
#   [INCLUDE_DIRECTORIES <dir>...] [MAKE_VARIABLES <NAME=VALUE>...] [DEPENDS <file>...])
function(kbuild_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "EXCLUDE_FROM_ALL" "KBUILD;ROOT"
    "MODULES;KERNEL;COMPILE_DEFINITIONS;COMPILE_OPTIONS;INCLUDE_DIRECTORIES;MAKE_VARIABLES;DEPENDS")
  _kbuild_check_arguments()
  _kbuild_sources(arg_SOURCES arg_HEADERS)

  set(all "")
  if(arg_EXCLUDE_FROM_ALL)
    set(all EXCLUDE_FROM_ALL)
  endif()
  add_library(${name} INTERFACE ${all})
  # Sources make it a target that can be built by its name; nothing compiles those of an INTERFACE
  # library.
  target_sources(${name} PRIVATE ${arg_SOURCES} ${arg_HEADERS})
  set_target_properties(${name} PROPERTIES
    KBUILD_MODULES "${arg_MODULES}"
    _KBUILD_SOURCES "${arg_SOURCES};${arg_HEADERS}")
  foreach(property COMPILE_DEFINITIONS COMPILE_OPTIONS INCLUDE_DIRECTORIES)
    set_target_properties(${name} PROPERTIES _KBUILD_${property} "${arg_${property}}")
  endforeach()

  list(LENGTH arg_KERNEL kernels)
  set(target ${name})
  foreach(kernel IN LISTS arg_KERNEL)
    _kbuild_describe_kernel("${kernel}" description error)
    if(error)
      message(FATAL_ERROR "kbuild_add_module(${name}): ${error}")
    endif()
    string(JSON release GET "${description}" release)
    if(kernels GREATER 1)
      set(target ${name}-${release})
      add_library(${target} INTERFACE ${all})
      add_dependencies(${name} ${target})
    endif()
    set_property(TARGET ${name} APPEND PROPERTY _KBUILD_TARGETS ${target})
    _kbuild_add_rule()
  endforeach()

  set_property(GLOBAL APPEND PROPERTY _KBUILD_TARGETS ${name})
  get_property(deferred GLOBAL PROPERTY _KBUILD_DEFERRED)
  if(NOT deferred)
    set_property(GLOBAL PROPERTY _KBUILD_DEFERRED TRUE)
    cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL _kbuild_finish)
  endif()
endfunction()

# Fills in the defaults of the caller's arg_*, and refuses what makes no sense.
macro(_kbuild_check_arguments)
  set(call "kbuild_add_module(${name})")
  if(NOT DEFINED Kbuild_FOUND)
    message(FATAL_ERROR "${call}: find_package(Kbuild) was called in no folder above this one")
  elseif(NOT Kbuild_FOUND)
    message(FATAL_ERROR "${call}: ${Kbuild_NOT_FOUND_MESSAGE}")
  endif()
  if(NOT name MATCHES "^[A-Za-z0-9_-]+$")
    message(FATAL_ERROR
      "${call}: a module's name holds letters, digits, - and _ only")
  endif()
  foreach(keyword IN LISTS arg_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "${call}: nothing follows ${keyword}")
  endforeach()
  foreach(variable IN LISTS arg_MAKE_VARIABLES)
    if(NOT variable MATCHES "^[^=]+=")
      message(FATAL_ERROR
        "${call}: MAKE_VARIABLES has ${variable}, which is not NAME=VALUE (sources come before the keywords)")
    endif()
  endforeach()
  if(arg_KBUILD)
    if(arg_UNPARSED_ARGUMENTS)
      list(GET arg_UNPARSED_ARGUMENTS 0 first)
      message(FATAL_ERROR
        "${call}: unknown argument ${first}; with KBUILD, the tree's own Kbuild lists the sources. A generated file that it needs goes behind DEPENDS")
    endif()
    cmake_path(ABSOLUTE_PATH arg_KBUILD BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    if(NOT EXISTS "${arg_KBUILD}/Kbuild" AND NOT EXISTS "${arg_KBUILD}/Makefile")
      message(FATAL_ERROR "${call}: there is no Kbuild and no Makefile in ${arg_KBUILD}")
    endif()
    foreach(keyword COMPILE_DEFINITIONS COMPILE_OPTIONS)
      if(arg_${keyword})
        message(FATAL_ERROR
          "${call}: ${keyword} is for a module from sources; the flags of a module tree are in its Kbuild")
      endif()
    endforeach()
    if(arg_ROOT)
      # Without the slash at the end that cmake_path() leaves.
      get_filename_component(arg_ROOT "${arg_ROOT}" ABSOLUTE)
      cmake_path(IS_PREFIX arg_ROOT "${arg_KBUILD}" is_below)
      if(NOT is_below)
        message(FATAL_ERROR "${call}: ROOT ${arg_ROOT} does not hold the module tree ${arg_KBUILD}")
      endif()
    endif()
  elseif(arg_ROOT)
    message(FATAL_ERROR "${call}: ROOT is for a module tree (KBUILD)")
  elseif(arg_MODULES)
    message(FATAL_ERROR
      "${call}: MODULES is for a module tree (KBUILD); from sources comes one module, ${name}")
  elseif(NOT arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR
      "${call}: no source; list them, or name the folder of a module tree with KBUILD")
  endif()
  list(TRANSFORM arg_INCLUDE_DIRECTORIES REPLACE "^([^/$].*)$"
    "${CMAKE_CURRENT_SOURCE_DIR}/\\1")
  list(TRANSFORM arg_COMPILE_DEFINITIONS REPLACE "^-D" "")
  if(NOT arg_MODULES)
    set(arg_MODULES ${name})
  endif()
  if(NOT arg_KERNEL)
    set(arg_KERNEL "${Kbuild_KERNEL_DIR}")
  endif()
endmacro()

# Sorts the caller's positional arguments into sources, and headers that come from other rules.
macro(_kbuild_sources sources headers)
  set(${sources} "")
  set(${headers} "")
  foreach(file IN LISTS arg_UNPARSED_ARGUMENTS)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE
      OUTPUT_VARIABLE path)
    if(NOT EXISTS "${path}" AND NOT IS_ABSOLUTE "${file}")
      # As CMake itself does: what is not among the sources is looked for among what is generated.
      cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}" NORMALIZE
        OUTPUT_VARIABLE generated)
      get_source_file_property(is_generated "${generated}" GENERATED)
      if(is_generated OR EXISTS "${generated}")
        set(path "${generated}")
      endif()
    endif()
    if(file MATCHES "\\.(c|S|o_shipped)$")
      list(APPEND ${sources} "${path}")
    elseif(file MATCHES "\\.h$")
      list(APPEND ${headers} "${path}")
    elseif(file MATCHES "^[A-Z_]+$")
      message(FATAL_ERROR "${call}: unknown argument ${file}")
    else()
      message(FATAL_ERROR
        "${call}: ${file} is no source of a module: .c, .S and .o_shipped are, and .h for a header that another rule makes")
    endif()
  endforeach()
endmacro()

# The rule that builds the module (`name` and arg_* of the caller) for one kernel
# (`description`, `release`) as a part of `target`.
function(_kbuild_add_rule)
  string(JSON kernel_dir GET "${description}" path)
  set(out "${CMAKE_CURRENT_BINARY_DIR}/kbuild-out/${release}")
  set(own "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir")
  if(arg_KBUILD)
    # The program names a tree's symvers after its folder.
    file(REAL_PATH "${arg_KBUILD}" folder)
    cmake_path(GET folder FILENAME label)
  else()
    set(label ${name})
  endif()
  set(symvers "${out}/${label}.symvers")
  list(TRANSFORM arg_MODULES PREPEND "${out}/" OUTPUT_VARIABLE modules)
  list(TRANSFORM modules APPEND .ko)

  set(arguments_file "${own}/arguments")
  get_property(configurations GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  if(configurations)
    string(APPEND arguments_file "-$<CONFIG>")
  endif()
  _kbuild_received_symvers(received "${symvers}")
  _kbuild_set_arguments()

  set(jobs "")
  set(make "")
  if(CMAKE_GENERATOR MATCHES "Makefiles")
    # make gives its jobserver to recipes that are marked, or that name $(MAKE).
    if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.28)
      set(jobs JOB_SERVER_AWARE TRUE)
    else()
      set(make --outer-make "$(MAKE)")
    endif()
  endif()
  _kbuild_export_compile_commands(export_compile_commands ${target} "${out}")
  list(JOIN arg_MODULES ".ko, " what)
  add_custom_command(
    OUTPUT "${own}/stamp"
    BYPRODUCTS ${modules} "${symvers}"
    COMMAND "${KBUILD_RS_EXECUTABLE}" "@${arguments_file}" ${make}
    ${export_compile_commands}
    DEPENDS "${arguments_file}" ${arg_SOURCES} ${arg_HEADERS} ${arg_DEPENDS} "${received}"
    DEPFILE "${own}/depfile"
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
    COMMENT "Building kernel module ${what}.ko for ${release}"
    ${jobs}
    VERBATIM)
  target_sources(${target} PRIVATE "${own}/stamp")
  set_target_properties(${target} PROPERTIES
    KBUILD_KERNEL "${release}"
    KBUILD_KERNEL_DIR "${kernel_dir}"
    KBUILD_MODULES "${arg_MODULES}")
  set(known_by ${name} ${target})
  list(REMOVE_DUPLICATES known_by)
  foreach(each IN LISTS known_by)
    set_property(TARGET ${each} APPEND PROPERTY KBUILD_FILES ${modules})
    set_property(TARGET ${each} APPEND PROPERTY KBUILD_SYMVERS "${symvers}")
  endforeach()
  set_property(TARGET ${name} APPEND PROPERTY INTERFACE_LINK_DEPENDS "${symvers}")
  set_property(TARGET ${name} APPEND PROPERTY ADDITIONAL_CLEAN_FILES "${out}")
endfunction()

# A generator expression for the symvers of what the module links to, for its own kernel.
function(_kbuild_received_symvers out own)
  _kbuild_pattern(own_pattern "${own}")
  _kbuild_pattern(of_kernel "/kbuild-out/${release}/")
  set(all "$<TARGET_PROPERTY:${name},INTERFACE_LINK_DEPENDS>")
  set(others "$<FILTER:${all},EXCLUDE,^${own_pattern}$>")
  set(${out} "$<FILTER:${others},INCLUDE,${of_kernel}[^/]*[.]symvers$>" PARENT_SCOPE)
endfunction()

# Text as a part of a regular expression within a generator expression.
function(_kbuild_pattern out text)
  string(REGEX REPLACE "([][+.*()^$?|\\\\])" "\\\\\\1" text "${text}")
  string(REPLACE "," "$<COMMA>" text "${text}")
  string(REPLACE ">" "$<ANGLE-R>" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# Leaves the arguments of kbuild-rs in a property, one a line, as kbuild-rs @FILE takes them: no
# shell is in the way, and a flag that changes is a file that changes, which make sees as well as
# Ninja.
function(_kbuild_set_arguments)
  _kbuild_toolchain(toolchain "${description}")
  set(arguments build --quiet --kernel "${kernel_dir}" ${toolchain}
    --missing-symvers "${Kbuild_MISSING_SYMVERS}"
    --out-dir "${out}" --pool-dir "${CMAKE_BINARY_DIR}"
    --stamp "${own}/stamp" --depfile "${own}/depfile")
  foreach(module IN LISTS arg_MODULES)
    list(APPEND arguments --expect ${module})
  endforeach()
  foreach(variable IN LISTS arg_MAKE_VARIABLES)
    list(APPEND arguments --make-var "${variable}")
  endforeach()
  if(arg_ROOT)
    list(APPEND arguments --root "${arg_ROOT}")
  endif()
  if(NOT arg_KBUILD)
    list(APPEND arguments --name ${name})
  elseif(CMAKE_SOURCE_DIR STREQUAL CMAKE_BINARY_DIR)
    # The tree is no part of what CMake and Ninja write into it. (A build folder inside the tree
    # is left out by kbuild-rs.)
    foreach(file CMakeFiles CMakeCache.txt cmake_install.cmake compile_commands.json
        build.ninja .ninja_log .ninja_deps)
      list(APPEND arguments --exclude ${file})
    endforeach()
  endif()
  list(JOIN arguments "\n" text)
  _kbuild_flag_lines(includes -I INCLUDE_DIRECTORIES)
  _kbuild_flag_lines(definitions -D COMPILE_DEFINITIONS)
  _kbuild_flag_lines(options --cflag COMPILE_OPTIONS)
  string(APPEND text "\n${includes}")
  if(NOT arg_KBUILD)
    string(APPEND text "${definitions}${options}")
  endif()
  string(APPEND text
    "$<$<BOOL:${received}>:--symvers\n$<JOIN:${received},\n--symvers\n>\n>")
  foreach(source IN LISTS arg_SOURCES arg_KBUILD)
    string(APPEND text "${source}\n")
  endforeach()
  set_target_properties(${target} PROPERTIES
    _KBUILD_ARGUMENTS "${text}"
    _KBUILD_ARGUMENTS_FILE "${arguments_file}")
endfunction()

# Lines with a flag and a value each, for what a usage requirement and the argument of the same
# name hold.
function(_kbuild_flag_lines out flag property)
  set(values
    "$<TARGET_PROPERTY:${name},INTERFACE_${property}>"
    "$<TARGET_GENEX_EVAL:${name},$<TARGET_PROPERTY:${name},_KBUILD_${property}>>")
  set(values "$<REMOVE_DUPLICATES:$<FILTER:${values},EXCLUDE,^$>>")
  set(${out} "$<$<BOOL:${values}>:${flag}\n$<JOIN:${values},\n${flag}\n>\n>" PARENT_SCOPE)
endfunction()

# What is left of a command's arguments when the known ones are taken out.
function(_kbuild_refuse_unknown command subject unknown)
  if(unknown)
    list(GET unknown 0 first)
    message(FATAL_ERROR "${command}(${subject}): unknown argument ${first}")
  endif()
endfunction()
