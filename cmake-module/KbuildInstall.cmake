# kbuild_install(): installs modules into the folder that depmod and modprobe search.
#
# Decisions:
# - `kbuild-rs install` installs, when the project is installed. It knows the default folder, the
#   kernel's compression and its signatures, and CMake does not.
# - With DESTDIR or INSTALL_MOD_PATH, the files are for a package or an image: the program then keeps
#   no journal, which would be in the package.

# PATH: a relative path on the command line is relative to the working directory, not to the prefix.
set(INSTALL_MOD_PATH "" CACHE PATH "Folder before /lib/modules for installed modules")
# STRING: a key may be a PKCS#11 URI.
set(Kbuild_SIGN_KEY "" CACHE STRING "Private key that signs installed modules: a PEM file or a PKCS#11 URI")
set(Kbuild_SIGN_CERT "" CACHE FILEPATH "Certificate of Kbuild_SIGN_KEY")

# kbuild_install(TARGETS <module>... [COMPONENT <component>] [INSTALL_MOD_DIR <dir>]
#   [SIGN] [KEY <file|uri>] [CERT <file>] [UNSIGNED] [STRIP] [COMPRESS <none|gzip|xz|zstd>])
#
# Installs below ${INSTALL_MOD_PATH}/lib/modules/<release>, independent of the install prefix: the
# kernel's tools only search there. DESTDIR goes before it, as for everything that CMake installs.
function(kbuild_install)
  cmake_parse_arguments(PARSE_ARGV 0 arg "SIGN;UNSIGNED;STRIP"
    "COMPONENT;INSTALL_MOD_DIR;KEY;CERT;COMPRESS" "TARGETS")
  _kbuild_refuse_unknown(kbuild_install "${arg_TARGETS}" "${arg_UNPARSED_ARGUMENTS}")
  if(arg_KEYWORDS_MISSING_VALUES)
    list(GET arg_KEYWORDS_MISSING_VALUES 0 keyword)
    message(FATAL_ERROR "kbuild_install(${arg_TARGETS}): ${keyword} has no value")
  elseif(NOT arg_TARGETS)
    message(FATAL_ERROR "kbuild_install(): name the modules, as in kbuild_install(TARGETS hello)")
  endif()
  _kbuild_files_of_targets("kbuild_install(TARGETS ${arg_TARGETS})" files kernels)
  _kbuild_install_arguments(arguments)
  set(component "")
  if(arg_COMPONENT)
    set(component COMPONENT "${arg_COMPONENT}")
  endif()
  set(image "")
  if(NOT INSTALL_MOD_PATH MATCHES "^/*$")
    cmake_path(ABSOLUTE_PATH INSTALL_MOD_PATH BASE_DIRECTORY "${CMAKE_BINARY_DIR}" NORMALIZE
      OUTPUT_VARIABLE image)
    string(REGEX REPLACE "/+$" "" image "${image}")
  endif()
  _kbuild_install_code(code)
  install(CODE "${code}" ${component})
endfunction()

# Sets <out> to the arguments of kbuild-rs that the caller's keywords stand for.
function(_kbuild_install_arguments out)
  set(arguments "")
  if(arg_INSTALL_MOD_DIR)
    # With the slash, it starts at lib/modules/<release>.
    cmake_path(SET folder NORMALIZE "/${arg_INSTALL_MOD_DIR}")
    list(APPEND arguments --dir "${folder}")
  endif()
  set(key "${arg_KEY}")
  set(cert "${arg_CERT}")
  if(NOT key AND NOT arg_UNSIGNED)
    set(key "${Kbuild_SIGN_KEY}")
    if(NOT cert)
      set(cert "${Kbuild_SIGN_CERT}")
    endif()
  endif()
  if(arg_UNSIGNED AND (arg_SIGN OR key OR cert))
    message(FATAL_ERROR
      "kbuild_install(${arg_TARGETS}): UNSIGNED installs the modules without a signature: remove it, or SIGN, KEY and CERT")
  elseif(cert AND NOT key)
    message(FATAL_ERROR
      "kbuild_install(${arg_TARGETS}): CERT names the certificate of a key: name the key with KEY or -DKbuild_SIGN_KEY=FILE")
  endif()
  foreach(keyword SIGN UNSIGNED STRIP)
    if(arg_${keyword})
      string(TOLOWER "--${keyword}" flag)
      list(APPEND arguments "${flag}")
    endif()
  endforeach()
  if(key AND NOT key MATCHES "^pkcs11:")
    cmake_path(ABSOLUTE_PATH key BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
  endif()
  if(cert)
    cmake_path(ABSOLUTE_PATH cert BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
  endif()
  foreach(variable key cert)
    if(${variable})
      list(APPEND arguments --${variable} "${${variable}}")
    endif()
  endforeach()
  if(arg_COMPRESS)
    if(NOT arg_COMPRESS MATCHES "^(none|gzip|xz|zstd)$")
      message(FATAL_ERROR
        "kbuild_install(${arg_TARGETS}): COMPRESS is ${arg_COMPRESS}, and must be none, gzip, xz or zstd")
    endif()
    list(APPEND arguments --compress "${arg_COMPRESS}")
  endif()
  set(${out} "${arguments}" PARENT_SCOPE)
endfunction()

# Sets <out> to the commands that install `files` for `kernels` of the caller. The cmake_install.cmake
# of a folder contains them, so it does not need this package.
function(_kbuild_install_code out)
  set(words "")
  foreach(kernel IN LISTS kernels)
    string(APPEND words " --kernel [==[${kernel}]==]")
  endforeach()
  foreach(word IN LISTS arguments files)
    string(APPEND words " [==[${word}]==]")
  endforeach()
  set(status "message(STATUS \"Installed: \${_kbuild_file}\")")
  if(CMAKE_INSTALL_MESSAGE STREQUAL "NEVER")
    set(status "")
  endif()
  string(CONFIGURE [===[
  # CPack collects files below the prefix, or below DESTDIR if CPACK_SET_DESTDIR is set.
  if(CMAKE_INSTALL_PREFIX MATCHES "/_CPack_Packages/" AND "$ENV{DESTDIR}" STREQUAL "")
    message(FATAL_ERROR "kbuild_install(): CPack would install the modules on this machine instead of into its package: write set(CPACK_SET_DESTDIR ON) before include(CPack)")
  endif()
  set(_kbuild_destdir "")
  if(NOT "$ENV{DESTDIR}" MATCHES "^/*$")
    get_filename_component(_kbuild_destdir "$ENV{DESTDIR}" ABSOLUTE)
  endif()
  set(_kbuild_root "${_kbuild_destdir}@image@")
  if(_kbuild_root STREQUAL "")
    set(_kbuild_root --root /)
  else()
    set(_kbuild_root --root "${_kbuild_root}" --no-journal)
  endif()
  execute_process(COMMAND [==[@Kbuild_EXECUTABLE@]==] install --verbose ${_kbuild_root} @words@
    RESULT_VARIABLE _kbuild_result OUTPUT_VARIABLE _kbuild_installed)
  if(NOT _kbuild_result STREQUAL "0")
    message(FATAL_ERROR "kbuild_install(@arg_TARGETS@): kbuild-rs did not install the modules (${_kbuild_result})")
  endif()
  # install_manifest.txt lists paths without DESTDIR.
  string(LENGTH "${_kbuild_destdir}" _kbuild_length)
  while(_kbuild_installed MATCHES "^([^\n]+)\n(.*)$")
    set(_kbuild_installed "${CMAKE_MATCH_2}")
    set(_kbuild_file "${CMAKE_MATCH_1}")
    @status@
    string(SUBSTRING "${_kbuild_file}" ${_kbuild_length} -1 _kbuild_file)
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${_kbuild_file}")
  endwhile()
]===] code @ONLY)
  set(${out} "${code}" PARENT_SCOPE)
endfunction()
