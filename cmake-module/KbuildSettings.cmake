# The arguments of kbuild_add_module() that make and the tools get: the module's own CONFIG_ symbols,
# variables, the environment, warnings, flags for assembler and linker, commands before make.
#
# Decisions:
# - ASM_FLAGS and RUST_FLAGS are flags of a language, which CMake knows as CMAKE_<LANG>_FLAGS. CMake
#   has no name of its own for those of one target; COMPILE_OPTIONS is about C here.
# - The cache of finished modules belongs to a machine and not to a module, so it is a variable and no
#   keyword. Its values are a folder and CMake's false constants. A true constant names no folder.
# - CMake only refuses values that no later edit of another file can fix. Whether a variable may be
#   set, and to which value, depends on the kernel, and the build reports it.

# Refuses values in the wrong form.
macro(_kbuild_check_settings)
  if(arg_SANDBOX_ALLOW AND NOT arg_SANDBOX AND NOT Kbuild_SANDBOX)
    message(FATAL_ERROR
      "kbuild_add_module(${name}): SANDBOX_ALLOW lists what the sandbox may use, but SANDBOX is missing")
  endif()
  foreach(keyword MAKE_VARIABLES ENVIRONMENT)
    foreach(variable IN LISTS arg_${keyword})
      if(NOT variable MATCHES "^[^=]+=")
        message(FATAL_ERROR "kbuild_add_module(${name}): ${keyword} has ${variable}: write NAME=VALUE")
      elseif(variable MATCHES "\n")
        message(FATAL_ERROR "kbuild_add_module(${name}): ${keyword} has ${variable}, which has a line break")
      endif()
    endforeach()
  endforeach()
  foreach(symbol IN LISTS arg_CONFIG)
    if(symbol MATCHES "^[A-Za-z0-9_]+=[myn]$")
      continue()
    endif()
    set(hint "")
    if(symbol MATCHES "^(CONFIG_)?([A-Za-z0-9_]+=.+)$")
      set(hint
        ". For another value, write MAKE_VARIABLES CONFIG_${CMAKE_MATCH_2} for makefiles, and COMPILE_DEFINITIONS CONFIG_${CMAKE_MATCH_2} for C")
    endif()
    message(FATAL_ERROR
      "kbuild_add_module(${name}): CONFIG has ${symbol}, which is not FOO=m, FOO=y or FOO=n${hint}")
  endforeach()
endmacro()

# Refuses arguments that are only for a module tree, or only for a module from sources.
macro(_kbuild_check_form)
  if(arg_PREPARE MATCHES "\n")
    message(FATAL_ERROR
      "kbuild_add_module(${name}): PREPARE has a line break; give it one argument for each command")
  elseif(arg_LINK_OPTIONS MATCHES "(^|;)((SHELL|LINKER):[^;]*)")
    message(FATAL_ERROR
      "kbuild_add_module(${name}): LINK_OPTIONS has ${CMAKE_MATCH_2}; kbuild calls the linker itself, so write each flag as ld takes it, without ${CMAKE_MATCH_3}:")
  elseif(arg_KBUILD)
    if(arg_LINK_OPTIONS)
      message(FATAL_ERROR
        "kbuild_add_module(${name}): LINK_OPTIONS is for a module from sources, but KBUILD names a module tree: use ldflags-y in its own Kbuild")
    elseif(arg_PREPARE_INPUTS AND NOT arg_PREPARE)
      message(FATAL_ERROR
        "kbuild_add_module(${name}): PREPARE_INPUTS lists the files that the commands of PREPARE read, but PREPARE is missing")
    endif()
  else()
    foreach(keyword TREE_ROOT EXCLUDE PREPARE PREPARE_INPUTS)
      if(arg_${keyword})
        message(FATAL_ERROR
          "kbuild_add_module(${name}): ${keyword} only works with KBUILD: name the module tree with KBUILD, or remove ${keyword}")
      endif()
    endforeach()
  endif()
endmacro()

# Refuses a cache that has no folder.
function(_kbuild_check_cache)
  string(TOUPPER "${Kbuild_CACHE}" value)
  if(value MATCHES "^(ON|TRUE|YES|Y|1)$")
    message(FATAL_ERROR
      "Kbuild_CACHE is ${Kbuild_CACHE}, which is not a folder: name one with -DKbuild_CACHE=DIR, or turn the cache off with -DKbuild_CACHE=OFF")
  endif()
endfunction()

# Adds the arguments to `inputs` of the caller.
macro(_kbuild_settings_inputs)
  foreach(pair CONFIG=config MAKE_VARIABLES=make-var ENVIRONMENT=env)
    _kbuild_list_inputs()
  endforeach()
  if(arg_EXTRA_WARNINGS)
    string(APPEND inputs "\n--extra-warnings\n${arg_EXTRA_WARNINGS}")
  elseif(Kbuild_EXTRA_WARNINGS)
    string(APPEND inputs "\n--extra-warnings\n${Kbuild_EXTRA_WARNINGS}")
  endif()
  # A file may be called OFF.
  if(DEFINED arg_BTF_BASE AND NOT arg_BTF_BASE STREQUAL "")
    if(NOT arg_BTF_BASE MATCHES "^(auto|none)$")
      cmake_path(ABSOLUTE_PATH arg_BTF_BASE BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    endif()
    string(APPEND inputs "\n--btf-base\n${arg_BTF_BASE}")
  endif()
  if(arg_SANDBOX OR Kbuild_SANDBOX)
    string(APPEND inputs "\n--sandbox")
    foreach(what IN LISTS arg_SANDBOX_ALLOW Kbuild_SANDBOX_ALLOW)
      string(APPEND inputs "\n--sandbox-allow\n${what}")
    endforeach()
  endif()
  if(Kbuild_CACHE)
    # CMake has made a path of its command line absolute. Others start where INSTALL_MOD_PATH does.
    cmake_path(ABSOLUTE_PATH Kbuild_CACHE BASE_DIRECTORY "${CMAKE_BINARY_DIR}" NORMALIZE
      OUTPUT_VARIABLE folder)
    string(APPEND inputs "\n--cache\n${folder}")
  elseif(NOT Kbuild_CACHE STREQUAL "")
    string(APPEND inputs "\n--no-cache")
  endif()
  if(arg_ASM_FLAGS)
    _kbuild_evaluated(flags ASM_FLAGS)
    _kbuild_joined_inputs(--asflag)
  endif()
  if(arg_LINK_OPTIONS)
    _kbuild_evaluated(flags LINK_OPTIONS)
    _kbuild_joined_inputs(--ldflag)
  endif()
endmacro()

# Adds the caller's values to `inputs`, each of them after a flag of kbuild-rs; `pair` is
# KEYWORD=flag.
macro(_kbuild_list_inputs)
  string(REGEX MATCH "(.*)=(.*)" pair "${pair}")
  set(flag "${CMAKE_MATCH_2}")
  foreach(value IN LISTS arg_${CMAKE_MATCH_1})
    string(APPEND inputs "\n--${flag}\n${value}")
  endforeach()
endmacro()

# Adds `flags`, a list in a generator expression, to `inputs`, each of them after a flag of
# kbuild-rs. Something must come before the first value of a list; a flag that may be repeated
# serves.
macro(_kbuild_joined_inputs flag)
  list(GET arg_MODULES 0 module)
  string(APPEND inputs
    "\n$<JOIN:$<FILTER:--module\n${module}${flags},EXCLUDE,^$>,\n${flag}\n>")
endmacro()
