# Additional rules for sources in Rust: the kernel must support them, and rustc and bindgen get
# their own arguments.
#
# Decisions:
# - RUST_CFGS, RUST_FLAGS and BINDINGS use the words of rustc, kbuild and bindgen. COMPILE_DEFINITIONS
#   and COMPILE_OPTIONS are for C. A cfg is not inherited, so none of these is a usage requirement.
# - CMake refuses a kernel without CONFIG_RUST when it runs, and nothing else about Rust: everything
#   else may be fixed before the build, which reports it.
# - Kbuild_CLIPPY is a variable of the project, not a property of targets. All modules of a kernel
#   share the settings of tools, and CMake has no property of that name.

# Refuses arguments for Rust if there is no Rust source.
macro(_kbuild_check_rust_arguments)
  foreach(keyword RUST_CFGS RUST_FLAGS BINDINGS BINDINGS_ITEMS)
    if(NOT arg_${keyword})
      continue()
    elseif(arg_KBUILD AND keyword MATCHES "BINDINGS")
      message(FATAL_ERROR
        "kbuild_add_module(${name}): ${keyword} is for a module from sources, but KBUILD names a module tree: run bindgen in its own Kbuild")
    elseif(NOT arg_KBUILD AND NOT arg_UNPARSED_ARGUMENTS MATCHES "[.]rs(;|$)")
      message(FATAL_ERROR
        "kbuild_add_module(${name}): ${keyword} is for sources in Rust, but no .rs file is listed")
    elseif(keyword STREQUAL "BINDINGS_ITEMS" AND NOT arg_BINDINGS)
      message(FATAL_ERROR
        "kbuild_add_module(${name}): BINDINGS_ITEMS needs a header that includes the items: name it with BINDINGS")
    endif()
  endforeach()
endmacro()

# Sets `bindings` to the caller's headers, which may be generated. The module waits for them.
macro(_kbuild_find_bindings)
  set(bindings "")
  foreach(file IN LISTS arg_BINDINGS)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE
      OUTPUT_VARIABLE path)
    if(NOT EXISTS "${path}")
      _kbuild_generated_source()
    endif()
    list(APPEND bindings "${path}")
  endforeach()
  list(APPEND headers ${bindings})
endmacro()

# Refuses a kernel tree without CONFIG_RUST. Everything else that it or this machine lacks may be
# installed before the module is built.
macro(_kbuild_check_rust_kernel)
  kbuild_get_config(takes_rust RUST KERNEL "${kernel_dir}")
  if(NOT takes_rust)
    list(FILTER sources INCLUDE REGEX "[.]rs$")
    list(GET sources 0 source)
    message(FATAL_ERROR
      "kbuild_add_module(${name}): ${source} is written in Rust, and the kernel ${release} (${kernel_dir}) was built without CONFIG_RUST=y: name another kernel, or check if(Kbuild_KERNEL_RUST) first")
  endif()
endmacro()

# Adds the arguments for Rust to `inputs` of the caller.
macro(_kbuild_rust_inputs)
  _kbuild_evaluated(flags RUST_CFGS)
  _kbuild_joined_inputs(--cfg)
  _kbuild_evaluated(flags RUST_FLAGS)
  _kbuild_joined_inputs(--rustflag)
  if(arg_BINDINGS)
    foreach(header IN LISTS bindings)
      string(APPEND inputs "\n--bindings\n${header}")
    endforeach()
    foreach(item IN LISTS arg_BINDINGS_ITEMS)
      string(APPEND inputs "\n--bindings-item\n${item}")
    endforeach()
    if(Kbuild_BINDGEN)
      string(APPEND inputs "\n--make-var\nBINDGEN=${Kbuild_BINDGEN}")
    endif()
  endif()
endmacro()
