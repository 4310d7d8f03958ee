# kbuild_add_module(): a kernel module as a target.
#
# The target is an INTERFACE library that owns the rule for its own products. target_*() commands
# and generator expressions work on the module, and targets that link to it inherit the results;
# they inherit the symvers as INTERFACE_LINK_DEPENDS. The rule's OUTPUT is a stamp: an unchanged .ko
# or symvers keeps its time, so that nothing is built for it.
#
# A project may have hundreds of modules, and CMake takes some microseconds for each command. So
# values that all modules of a kernel share are computed once.
#
# Decisions:
# - One INTERFACE library is the module. A custom target beside it would be a second name.
# - The stamp has the time at which the build began: a file that is edited while make runs is newer.
# - The symvers travels as INTERFACE_LINK_DEPENDS, which is CMake's own name for files that linking
#   needs, and transitive in every version. Properties of our own are transitive from 3.30 on.
# - The symvers that a module links to are in its depfile, not in DEPENDS. Targets give the order, and
#   CMake has fewer generator expressions to evaluate.
# - kbuild_add_module() has the common case in one function and rare ones in macros, and sets no
#   variable that would be empty. Each command costs some microseconds, and each command of a macro is
#   searched for arguments whether it runs or not. Fifty modules take 1.3 times as long to configure
#   as fifty libraries.
# - Products are in kbuild-out/<release>, also for one kernel. The release in the path tells a rule of
#   a user's module which symvers of its providers are for its kernel.

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
define_property(TARGET PROPERTY KBUILD_PRODUCTS
  BRIEF_DOCS "The paths of the other files that a target builds"
  FULL_DOCS "Set by kbuild_add_module(PRODUCTS): firmware, programs and the like.")
define_property(TARGET PROPERTY KBUILD_SYMVERS
  BRIEF_DOCS "The path of the symvers of a target's modules"
  FULL_DOCS "Set by kbuild_add_module(). A symvers keeps its time while its content stays.")

# kbuild_add_module(<name> [EXCLUDE_FROM_ALL] [OPTIONAL]
#   [REQUIRES_CONFIG <check>...] [REQUIRES_KERNEL <bounds>...] [REQUIRES_ARCH <arch>...]
#   [REQUIRES_SYMBOLS <symbol>...]
#   [KBUILD <dir> [TREE_ROOT <dir>] [EXCLUDE <pattern>...]
#     [PREPARE <command>...] [PREPARE_INPUTS <file>...] [MODULES <name>...] [PRODUCTS <file>...]]
#   [KERNEL <kernel>...] [CONFIG <FOO=m|y|n>...] [MAKE_VARIABLES <NAME=VALUE>...]
#   [ENVIRONMENT <NAME=VALUE>...] [EXTRA_WARNINGS <level>] [SANDBOX] [SANDBOX_ALLOW <what>...]
#   [BTF_BASE auto|<file>|none]
#   [COMPILE_DEFINITIONS <definition>...] [COMPILE_OPTIONS <option>...]
#   [INCLUDE_DIRECTORIES <dir>...] [ASM_FLAGS <flag>...] [LINK_OPTIONS <flag>...] [DEPENDS <file>...]
#   [RUST_CFGS <cfg>...] [RUST_FLAGS <flag>...] [BINDINGS <header>...] [BINDINGS_ITEMS <regex>...]
#   [<source>...])
function(kbuild_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "EXCLUDE_FROM_ALL;SANDBOX;OPTIONAL" "KBUILD;TREE_ROOT;EXTRA_WARNINGS;BTF_BASE"
    "MODULES;PRODUCTS;EXCLUDE;PREPARE;PREPARE_INPUTS;KERNEL;CONFIG;MAKE_VARIABLES;ENVIRONMENT;SANDBOX_ALLOW;COMPILE_DEFINITIONS;COMPILE_OPTIONS;INCLUDE_DIRECTORIES;ASM_FLAGS;LINK_OPTIONS;DEPENDS;RUST_CFGS;RUST_FLAGS;BINDINGS;BINDINGS_ITEMS;REQUIRES_CONFIG;REQUIRES_KERNEL;REQUIRES_ARCH;REQUIRES_SYMBOLS")
  # A module with only sources needs no further checks.
  if(NOT Kbuild_FOUND OR NOT name MATCHES "^[A-Za-z0-9_-]+$" OR NOT arg_UNPARSED_ARGUMENTS
      OR arg_KEYWORDS_MISSING_VALUES OR arg_KBUILD OR arg_TREE_ROOT OR arg_MODULES OR arg_PRODUCTS
      OR arg_EXCLUDE OR arg_PREPARE OR arg_PREPARE_INPUTS OR arg_KERNEL OR arg_CONFIG
      OR arg_MAKE_VARIABLES OR arg_ENVIRONMENT OR arg_LINK_OPTIONS OR arg_COMPILE_DEFINITIONS OR arg_INCLUDE_DIRECTORIES
      OR arg_RUST_CFGS OR arg_RUST_FLAGS OR arg_BINDINGS OR arg_BINDINGS_ITEMS OR arg_SANDBOX_ALLOW
      OR NOT "${arg_REQUIRES_CONFIG}${arg_REQUIRES_KERNEL}${arg_REQUIRES_ARCH}${arg_REQUIRES_SYMBOLS}" STREQUAL "")
    _kbuild_check_arguments()
    _kbuild_meet_requirements()
    if(NOT met)
      return()
    endif()
  endif()
  set(all "")
  if(arg_EXCLUDE_FROM_ALL)
    set(all EXCLUDE_FROM_ALL)
  endif()
  add_library(${name} INTERFACE ${all})

  # The list may also contain headers that other rules make.
  set(sources "")
  set(headers "")
  foreach(file IN LISTS arg_UNPARSED_ARGUMENTS)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE
      OUTPUT_VARIABLE path)
    if(NOT EXISTS "${path}")
      _kbuild_generated_source()
    endif()
    if(file MATCHES "[.](c|S|rs|o_shipped)$")
      list(APPEND sources "${path}")
    else()
      _kbuild_other_source()
    endif()
  endforeach()
  if(arg_BINDINGS)
    _kbuild_find_bindings()
  endif()

  if(arg_KERNEL MATCHES ";" OR _kbuild_several)
    _kbuild_add_rules()
  else()
    _kbuild_add_rule(${name} "${arg_KERNEL}")
  endif()

  # With sources, it is a target that can be built by its name. CMake compiles no sources of an
  # INTERFACE library.
  set(known ${sources} ${headers} ${stamp})
  target_sources(${name} PRIVATE ${known})
  set_target_properties(${name} PROPERTIES
    KBUILD_FILES "${modules}"
    KBUILD_SYMVERS "${symvers}"
    INTERFACE_LINK_DEPENDS "$<BUILD_INTERFACE:${symvers}>"
    _KBUILD_SOURCES "${known}")
  set_property(GLOBAL APPEND PROPERTY _KBUILD_MODULES ${name})
  set_property(GLOBAL APPEND PROPERTY _KBUILD_PRODUCTS ${modules} ${symvers} ${products})
  if(products)
    set_target_properties(${name} PROPERTIES KBUILD_PRODUCTS "${products}")
  endif()
  get_property(deferred GLOBAL PROPERTY _KBUILD_DEFERRED)
  if(NOT deferred)
    set_property(GLOBAL PROPERTY _KBUILD_DEFERRED TRUE)
    cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL _kbuild_finish)
  endif()
endfunction()

# Creates a target for each kernel, and the caller's `name` as all of them.
macro(_kbuild_add_rules)
  set(targets "")
  set(all_modules "")
  set(all_symvers "")
  set(all_products "")
  foreach(kernel IN LISTS arg_KERNEL)
    _kbuild_use_kernel(used "${kernel}")
    list(GET used 0 release)
    set(target ${name}-${release})
    if(target IN_LIST targets)
      message(FATAL_ERROR
        "kbuild_add_module(${name}): KERNEL names two trees of release ${release}, which would write the same products: name one of them")
    endif()
    add_library(${target} INTERFACE ${all})
    add_dependencies(${name} ${target})
    _kbuild_add_rule(${target} "${kernel}")
    target_sources(${target} PRIVATE "${stamp}")
    set_target_properties(${target} PROPERTIES
      KBUILD_FILES "${modules}"
      KBUILD_SYMVERS "${symvers}")
    if(products)
      set_target_properties(${target} PROPERTIES KBUILD_PRODUCTS "${products}")
      list(APPEND all_products ${products})
    endif()
    list(APPEND targets ${target})
    list(APPEND all_modules ${modules})
    list(APPEND all_symvers "${symvers}")
  endforeach()
  if(arg_KBUILD)
    # The stamps are sources of the kernels' targets. Without a source, CMake creates no target to
    # build.
    file(GLOB headers "${arg_KBUILD}/Kbuild" "${arg_KBUILD}/Makefile")
  endif()
  set(stamp "")
  set(modules "${all_modules}")
  set(symvers "${all_symvers}")
  set(products "${all_products}")
  if(NOT arg_MODULES)
    set(arg_MODULES ${name})
  endif()
  set_target_properties(${name} PROPERTIES
    KBUILD_MODULES "${arg_MODULES}"
    _KBUILD_TARGETS "${targets}")
endmacro()

# Sets <out> to the values that all modules of a kernel and folder share: release, kernel tree,
# suffix of the files with arguments, toolchain (arguments of kbuild-rs, one a line), whether it
# supports Rust, and patterns for the symvers of its modules, anywhere and here. An empty kernel
# means the default one.
function(_kbuild_use_kernel out kernel)
  if(kernel STREQUAL "")
    set(kernel "${Kbuild_KERNEL_DIR}")
  endif()
  _kbuild_describe_kernel("${kernel}" description error)
  if(error)
    message(FATAL_ERROR "kbuild_add_module(${name}): ${error}")
  endif()
  string(JSON release GET "${description}" release)
  string(JSON kernel_dir GET "${description}" path)
  string(JSON rust GET "${description}" has_rust)
  set(suffix "")
  get_property(configurations GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  if(configurations)
    set(suffix "-$<CONFIG>")
  endif()
  _kbuild_toolchain(toolchain "${description}")
  list(TRANSFORM toolchain APPEND "\n")
  list(JOIN toolchain "" toolchain)
  _kbuild_pattern(of_kernel "/kbuild-out/${release}/")
  _kbuild_pattern(of_folder "${CMAKE_CURRENT_BINARY_DIR}/kbuild-out/${release}/")
  set(${out}
    "${release}" "${kernel_dir}" "${suffix}" "${toolchain}" "${rust}" "${of_kernel}" "${of_folder}"
    PARENT_SCOPE)
endfunction()

# Text as a part of a regular expression within a generator expression.
function(_kbuild_pattern out text)
  string(REGEX REPLACE "([][+.*()^$?|\\\\])" "\\\\\\1" text "${text}")
  string(REPLACE "," "$<COMMA>" text "${text}")
  string(REPLACE ">" "$<ANGLE-R>" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# Adds the rule that builds the module (`name`, `sources`, `headers` and arg_* of the caller) for a
# kernel as a part of <target>. Sets `stamp`, `modules`, `symvers` and `products` of the caller.
#
# The arguments of kbuild-rs are in a file, one per line: no shell changes them, and make and Ninja
# notice a changed flag as a changed file. A list in it is joined with its flag, so something must
# come before the first one, for instance `build`.
function(_kbuild_add_rule target kernel)
  list(JOIN CMAKE_C_COMPILER_LAUNCHER " " launcher)
  set(key "_KBUILD_USED ${kernel} ${Kbuild_KERNEL_DIR} ${Kbuild_CC} ${launcher} ${Kbuild_RUSTC} ${Kbuild_CLIPPY}")
  get_property(used DIRECTORY PROPERTY "${key}")
  if(NOT used)
    _kbuild_use_kernel(used "${kernel}")
    set_property(DIRECTORY PROPERTY "${key}" "${used}")
    list(GET used 0 release)
    set_property(DIRECTORY APPEND PROPERTY ADDITIONAL_CLEAN_FILES
      "${CMAKE_CURRENT_BINARY_DIR}/kbuild-out/${release}")
  endif()
  list(POP_FRONT used release kernel_dir suffix toolchain rust of_kernel of_folder)
  set(own "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir")
  set(out "${CMAKE_CURRENT_BINARY_DIR}/kbuild-out/${release}")
  set(arguments "${own}/arguments${suffix}")
  set(products "")
  if(arg_KBUILD)
    _kbuild_tree_arguments()
  else()
    set(symvers "${out}/${name}.symvers")
    set(modules "${out}/${name}.ko")
    set(own_symvers "^${of_folder}${name}[.]symvers$")
    set(arg_MODULES ${name})
    string(REPLACE ";" "\n" inputs "--module;${name};--name;${name};${sources}")
    if(NOT rust AND sources MATCHES "[.]rs(;|$)")
      _kbuild_check_rust_kernel()
    endif()
  endif()
  if(arg_RUST_CFGS OR arg_RUST_FLAGS OR arg_BINDINGS)
    _kbuild_rust_inputs()
  endif()
  if(arg_CONFIG OR arg_MAKE_VARIABLES OR arg_ENVIRONMENT OR arg_ASM_FLAGS OR arg_LINK_OPTIONS
      OR arg_EXTRA_WARNINGS OR Kbuild_EXTRA_WARNINGS OR DEFINED arg_BTF_BASE OR arg_SANDBOX OR Kbuild_SANDBOX
      OR NOT Kbuild_CACHE STREQUAL "")
    _kbuild_settings_inputs()
  endif()
  if(_kbuild_checked)
    # A build does not repeat the warnings.
    string(PREPEND inputs "--requirements-shown\n")
  endif()
  set(includes "")
  set(definitions "")
  set(options "")
  if(arg_INCLUDE_DIRECTORIES OR arg_COMPILE_DEFINITIONS OR arg_COMPILE_OPTIONS)
    _kbuild_own_requirements()
  endif()
  # The symvers that the module links to for its kernel, without its own.
  set_target_properties(${target} PROPERTIES
    KBUILD_MODULES "${arg_MODULES}"
    KBUILD_KERNEL "${release}"
    KBUILD_KERNEL_DIR "${kernel_dir}"
    _KBUILD_ARGUMENTS_FILE "${arguments}"
    _KBUILD_ARGUMENTS "\
$<JOIN:$<REMOVE_DUPLICATES:$<FILTER:build;$<TARGET_PROPERTY:${name},INTERFACE_INCLUDE_DIRECTORIES>${includes},EXCLUDE,^$>>,\n-I\n>
$<JOIN:$<REMOVE_DUPLICATES:$<FILTER:--quiet;$<TARGET_PROPERTY:${name},INTERFACE_COMPILE_DEFINITIONS>${definitions},EXCLUDE,^$>>,\n-D\n>
$<JOIN:$<REMOVE_DUPLICATES:$<FILTER:--missing-symvers\n${Kbuild_MISSING_SYMVERS};$<TARGET_PROPERTY:${name},INTERFACE_COMPILE_OPTIONS>${options},EXCLUDE,^$>>,\n--cmake-option\n>
$<JOIN:$<FILTER:$<FILTER:--outer-verbose;$<TARGET_PROPERTY:${name},INTERFACE_LINK_DEPENDS>,INCLUDE,^--outer|${of_kernel}[^/]*[.]symvers$>,EXCLUDE,${own_symvers}>,\n--symvers\n>
--kernel
${kernel_dir}
${toolchain}--out-dir
${out}
--pool-dir
${CMAKE_BINARY_DIR}
--stamp
${own}/stamp
--depfile
${own}/depfile
${inputs}
")

  set(jobs "")
  set(there "")
  if(CMAKE_GENERATOR MATCHES "Makefiles")
    _kbuild_watch_products()
    # make only passes its jobserver to recipes that are marked or that name $(MAKE).
    if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.28)
      set(jobs JOB_SERVER_AWARE TRUE)
    else()
      set(jobs --outer-make "$(MAKE)")
    endif()
  endif()
  set(export "")
  if(CMAKE_EXPORT_COMPILE_COMMANDS)
    _kbuild_export_compile_commands(export ${target} "${out}")
  endif()
  list(JOIN arg_MODULES ".ko, " what)
  # The symvers of linked modules are not among these: the depfile names them, and the order of the
  # targets makes sure that they exist.
  add_custom_command(
    OUTPUT "${own}/stamp"
    BYPRODUCTS ${modules} "${symvers}" ${products}
    COMMAND "${Kbuild_EXECUTABLE}" "@${arguments}" ${jobs}
    ${export}
    DEPENDS "${arguments}" ${sources} ${headers} ${arg_DEPENDS} ${there}
    DEPFILE "${own}/depfile"
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
    COMMENT "Building kernel module ${what}.ko for ${release}"
    VERBATIM)
  set(stamp "${own}/stamp" PARENT_SCOPE)
  set(modules "${modules}" PARENT_SCOPE)
  set(symvers "${symvers}" PARENT_SCOPE)
  set(products "${products}" PARENT_SCOPE)
endfunction()

# make only compares the stamp with its prerequisites. Unlike Ninja, it does not check byproducts.
# So this sets `there` to a file that is only touched if a product is missing. A product that
# somebody signs in the build folder does not start a build.
macro(_kbuild_watch_products)
  set(there "${own}/there")
  set(tests "")
  foreach(product IN LISTS modules products)
    list(APPEND tests test -e "${product}" &&)
  endforeach()
  add_custom_command(OUTPUT "${own}/always" COMMENT "" VERBATIM)
  set_source_files_properties("${own}/always" PROPERTIES SYMBOLIC TRUE)
  add_custom_command(
    OUTPUT "${there}"
    COMMAND ${tests} test -e "${there}" || touch "${there}"
    DEPENDS "${own}/always"
    COMMENT ""
    VERBATIM)
endmacro()

# Additional rules for a module tree. The program names its symvers after its folder.
macro(_kbuild_tree_arguments)
  file(REAL_PATH "${arg_KBUILD}" folder)
  cmake_path(GET folder FILENAME label)
  set(symvers "${out}/${label}.symvers")
  set(modules ${arg_MODULES})
  list(TRANSFORM modules REPLACE "(.+)" "${out}/\\1.ko")
  _kbuild_pattern(own_symvers "${label}")
  set(own_symvers "^${of_folder}${own_symvers}[.]symvers$")
  set(inputs "${arg_KBUILD}")
  if(arg_TREE_ROOT)
    string(APPEND inputs "\n--tree-root\n${arg_TREE_ROOT}")
  endif()
  foreach(module IN LISTS arg_MODULES)
    string(APPEND inputs "\n--module\n${module}")
  endforeach()
  foreach(pair EXCLUDE=exclude PREPARE=prepare PREPARE_INPUTS=prepare-input)
    _kbuild_list_inputs()
  endforeach()
  foreach(product IN LISTS arg_PRODUCTS)
    string(APPEND inputs "\n--product\n${product}")
    list(APPEND products "${out}/${product}")
  endforeach()
  if(CMAKE_SOURCE_DIR STREQUAL CMAKE_BINARY_DIR)
    # Files that CMake and Ninja write into the tree are not part of it. (kbuild-rs leaves out a
    # build folder inside the tree.)
    foreach(file CMakeFiles CMakeCache.txt cmake_install.cmake compile_commands.json
        build.ninja .ninja_log .ninja_deps)
      string(APPEND inputs "\n--exclude\n${file}")
    endforeach()
  endif()
endmacro()

# Adds the caller's arguments to the requirements that all modules share.
macro(_kbuild_own_requirements)
  _kbuild_evaluated(includes INCLUDE_DIRECTORIES)
  _kbuild_evaluated(definitions COMPILE_DEFINITIONS)
  _kbuild_evaluated(options COMPILE_OPTIONS)
endmacro()

# Sets <out> to the part of a list in a generator expression that comes from the caller's
# arg_<keyword>. It is evaluated for the kernel's own target. The values are in a property, because
# a comma would end the list.
macro(_kbuild_evaluated out keyword)
  set_target_properties(${target} PROPERTIES _KBUILD_${keyword} "${arg_${keyword}}")
  set(${out} ";$<TARGET_GENEX_EVAL:${target},$<TARGET_PROPERTY:${target},_KBUILD_${keyword}>>")
endmacro()
