# kbuild_add_test(): boots a kernel and tries modules there, as a test of ctest.
#
# Decisions:
# - One test for each call, also if the modules are for several kernels: kbuild-rs boots one after the
#   other, and its output names them.
# - As with programs, ctest does not build the modules.

# kbuild_add_test(NAME <test> TARGETS <module>... [RUN <command>] [FILES <file>[:<path>]...]
#   [PARAMETERS <module>.<name>=<value>...] [TIMEOUT <seconds>] [IMAGE <file>] [ALLOW_TAINT <letters>])
function(kbuild_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg ""
    "NAME;RUN;TIMEOUT;IMAGE;ALLOW_TAINT" "TARGETS;FILES;PARAMETERS")
  _kbuild_refuse_unknown(kbuild_add_test "${arg_NAME}" "${arg_UNPARSED_ARGUMENTS}")
  if(arg_KEYWORDS_MISSING_VALUES)
    list(GET arg_KEYWORDS_MISSING_VALUES 0 keyword)
    message(FATAL_ERROR "kbuild_add_test(${arg_NAME}): ${keyword} has no value")
  elseif(NOT arg_NAME OR NOT arg_TARGETS)
    message(FATAL_ERROR
      "kbuild_add_test(${arg_NAME}): name the test and the modules, as in kbuild_add_test(NAME loads TARGETS hello)")
  endif()
  set(seconds 180)
  if(arg_TIMEOUT)
    set(seconds "${arg_TIMEOUT}")
  endif()
  if(NOT seconds MATCHES "^[1-9][0-9]*$")
    message(FATAL_ERROR "kbuild_add_test(${arg_NAME}): TIMEOUT is ${seconds}, and must be a number of seconds")
  endif()
  _kbuild_files_of_targets("kbuild_add_test(${arg_NAME})" files kernels)
  set(words --timeout "${seconds}")
  foreach(kernel IN LISTS kernels)
    _kbuild_append_words(words --kernel "${kernel}")
  endforeach()
  foreach(file IN LISTS arg_FILES)
    # A generator expression is absolute.
    if(NOT file MATCHES "^(/|[$]<)")
      string(PREPEND file "${CMAKE_CURRENT_SOURCE_DIR}/")
    endif()
    _kbuild_append_words(words --file "${file}")
  endforeach()
  foreach(parameter IN LISTS arg_PARAMETERS)
    _kbuild_append_words(words --param "${parameter}")
  endforeach()
  if(arg_IMAGE)
    cmake_path(ABSOLUTE_PATH arg_IMAGE BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    _kbuild_append_words(words --image "${arg_IMAGE}")
  endif()
  if(arg_RUN)
    _kbuild_append_words(words --run "${arg_RUN}")
  endif()
  if(arg_ALLOW_TAINT)
    _kbuild_append_words(words --allow-taint "${arg_ALLOW_TAINT}")
  endif()
  add_test(NAME "${arg_NAME}" COMMAND "${Kbuild_EXECUTABLE}" test ${words} -- ${files})
  # kbuild-rs ends each guest in its time; this is for the program itself.
  list(LENGTH kernels number)
  math(EXPR limit "${seconds} * ${number} + 60")
  set_tests_properties("${arg_NAME}" PROPERTIES TIMEOUT ${limit})
endfunction()

# Appends a flag and its value to a list. A semicolon in the value does not part it there.
function(_kbuild_append_words list flag value)
  string(REPLACE ";" "\\;" value "${value}")
  list(APPEND ${list} ${flag} "${value}")
  set(${list} "${${list}}" PARENT_SCOPE)
endfunction()
