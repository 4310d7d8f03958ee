# Tries one project, in a copy: what is done with it and what comes out is in its steps.cmake, in
# the commands below.
#
# With CASE, the project is one that CMake has to refuse; CASE.cmake says in its head
#   # says: <text>        what the error holds, its lines joined
#   # with: <argument>    one more argument of cmake's; @PROJECT@ is the project's folder
#   # without: <name>     an environment variable that is to be empty
#   # only: <package>     where it cannot be tried with another one
# each of them as often as it takes.
cmake_minimum_required(VERSION 3.22...4.0)

set(BUILD_DIR "${WORK}/bü ild")

# try_configure(<out_result> <out_said> [<argument>...])
function(try_configure out_result out_said)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env ${ENVIRONMENT}
      "${CMAKE_COMMAND}" -S "${WORK}/source" -B "${BUILD_DIR}" -G "${GENERATOR}"
      -C "${WORK}/settings.cmake" ${ARGN}
    RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  set(${out_result} "${result}" PARENT_SCOPE)
  set(${out_said} "${said}" PARENT_SCOPE)
endfunction()

# configure([<argument>...]): must succeed without a warning.
function(configure)
  try_configure(result said ${ARGN})
  if(NOT result STREQUAL "0" OR said MATCHES "Warning")
    message(FATAL_ERROR "configure ${ARGN}: ${result}\n${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

# build(<module>.ko...): runs exactly these rules for modules, and possibly other rules. TARGET and
# CONFIG select them, if set.
function(build)
  set(arguments "")
  if(TARGET)
    list(APPEND arguments --target "${TARGET}")
  endif()
  if(CONFIG)
    list(APPEND arguments --config "${CONFIG}")
  endif()
  execute_process(
    COMMAND "${CMAKE_COMMAND}" --build "${BUILD_DIR}" --parallel 2 ${arguments}
    RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT result STREQUAL "0")
    message(FATAL_ERROR "build: ${result}\n${said}")
  endif()
  string(REGEX MATCHALL "Building kernel module [^\n]* for " built "${said}")
  list(TRANSFORM built REPLACE "Building kernel module (.*) for " "\\1")
  list(SORT built)
  if(NOT built STREQUAL "${ARGN}")
    message(FATAL_ERROR "built [${built}], and not [${ARGN}]\n${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

# clean(): removes all files of the modules.
function(clean)
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${BUILD_DIR}" --target clean
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB_RECURSE left "${BUILD_DIR}/kbuild-out/*" "${BUILD_DIR}/CMakeFiles/*/stamp")
  expect_equal("${left}" "")
endfunction()

# build_nothing(): runs no command. (Makefiles print the names of the existing targets.)
function(build_nothing)
  build()
  string(REGEX REPLACE "Consolidate compiler generated [^\n]+|\\[[ 0-9]+%\\] Built target [^\n]+" "" rest "${said}")
  if(GENERATOR MATCHES Makefiles AND NOT rest MATCHES "^[ \n]*$"
      OR GENERATOR MATCHES Ninja AND NOT said MATCHES "no work to do")
    message(FATAL_ERROR "something was left to do\n${said}")
  endif()
endfunction()

# edit(<file> <from> <to>): edits the copy of the project.
function(edit file from to)
  file(READ "${WORK}/source/${file}" text)
  string(REPLACE "${from}" "${to}" edited "${text}")
  if(edited STREQUAL text)
    message(FATAL_ERROR "there is no [${from}] in ${file}")
  endif()
  file(WRITE "${WORK}/source/${file}" "${edited}")
endfunction()

function(expect_equal actual wanted)
  if(NOT actual STREQUAL wanted)
    message(FATAL_ERROR "[${actual}] is not [${wanted}]")
  endif()
endfunction()

# expect_match(<text> <pattern>): joins the text's lines, because CMake may break them anywhere.
function(expect_match text pattern)
  string(REGEX REPLACE "[ \n]+" " " joined "${text}")
  if(NOT joined MATCHES "${pattern}")
    message(FATAL_ERROR "there is no [${pattern}] in\n${text}")
  endif()
endfunction()

function(try_case)
  file(STRINGS "${PROJECT}/${CASE}.cmake" head REGEX "^# [a-z]+: ")
  set(says "")
  set(ENVIRONMENT "")
  set(arguments "-DCASE=${CASE}")
  foreach(line IN LISTS head)
    string(REGEX MATCH "^# ([a-z]+): (.*)$" line "${line}")
    if(CMAKE_MATCH_1 STREQUAL "says")
      set(says "${CMAKE_MATCH_2}")
    elseif(CMAKE_MATCH_1 STREQUAL "with")
      string(CONFIGURE "${CMAKE_MATCH_2}" argument @ONLY)
      list(APPEND arguments "${argument}")
    elseif(CMAKE_MATCH_1 STREQUAL "without")
      list(APPEND ENVIRONMENT "${CMAKE_MATCH_2}=")
    endif()
  endforeach()
  try_configure(result said ${arguments})
  string(REGEX REPLACE "[ \n]+" " " joined "${said}")
  string(FIND "${joined}" "${says}" at)
  if(says STREQUAL "" OR result STREQUAL "0" OR at EQUAL -1)
    message(FATAL_ERROR "cmake gave ${result}, and had to fail with [${says}]\n${said}")
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK}")
if(WORK MATCHES "^[A-Za-z0-9_./+-]+$")
  # The stage goes here, because it cannot be below a folder with a blank.
  set(ENV{XDG_CACHE_HOME} "${WORK}/cache")
endif()
file(COPY "${PROJECT}/" DESTINATION "${WORK}/source")
file(READ "${SETTINGS}" settings)
file(WRITE "${WORK}/settings.cmake"
  "${settings}set(GET_KBUILD [==[${PACKAGE}]==] CACHE FILEPATH \"\")\n")
if(CASE)
  try_case()
else()
  include("${PROJECT}/steps.cmake")
endif()
