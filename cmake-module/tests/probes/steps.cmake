# expect_answers(<variable>...): exactly these are yes.
function(expect_answers)
  string(REGEX MATCHALL "yes: [A-Z_]+" found "${said}")
  list(TRANSFORM found REPLACE "yes: " "")
  expect_equal("${found}" "${ARGN}")
endfunction()

# No compiler and no make run if the last run has all answers: there are none in this PATH.
function(configure_without_make)
  file(MAKE_DIRECTORY "${WORK}/no-make")
  find_program(make make REQUIRED)
  file(WRITE "${WORK}/no-make/make" "#!/bin/sh\ntouch '${WORK}/started'\nexec '${make}' \"$@\"\n")
  file(CHMOD "${WORK}/no-make/make" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
  set(before "$ENV{PATH}")
  set(ENV{PATH} "${WORK}/no-make:$ENV{PATH}")
  # The other make is another prerequisite.
  configure()
  file(REMOVE "${WORK}/started")
  configure()
  set(ENV{PATH} "${before}")
  if(EXISTS "${WORK}/started")
    message(FATAL_ERROR "make was started\n${said}")
  elseif(said MATCHES "Looking for|Performing Test")
    message(FATAL_ERROR "known answers were printed again\n${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

configure(-DHAVE_GIVEN=ON)
expect_answers(MODULE_H TIMER_SETUP OWN FIRST GIVEN)
foreach(line "Looking for linux/module.h - found" "Looking for linux/no_such_header.h - not found"
    "Performing Test HAVE_FIRST - Success" "Performing Test HAVE_SECOND - Failed")
  expect_match("${said}" "${line}")
endforeach()
if(said MATCHES "HAVE_GIVEN")
  message(FATAL_ERROR "a given value was asked\n${said}")
endif()
file(READ "${BUILD_DIR}/CMakeFiles/kbuild-probes/HAVE_SECOND.log" log)
expect_match("${log}" "has no member named")

configure_without_make()
expect_answers(MODULE_H TIMER_SETUP OWN FIRST GIVEN)

# A variable that the user removes gets its answer again. One that the user sets stays, even if its
# value is the answer.
configure(-UHAVE_MODULE_H -UHAVE_FIRST -DHAVE_OWN=1)
expect_answers(MODULE_H TIMER_SETUP OWN FIRST GIVEN)
configure()
expect_answers(MODULE_H TIMER_SETUP OWN FIRST GIVEN)
configure(-UHAVE_OWN)
expect_answers(MODULE_H TIMER_SETUP OWN FIRST GIVEN)

edit(include/own.h first second)
configure()
expect_answers(MODULE_H TIMER_SETUP OWN SECOND GIVEN)
expect_match("${said}" "Performing Test HAVE_FIRST - Failed")
expect_match("${said}" "Performing Test HAVE_SECOND - Success")
if(said MATCHES "HAVE_OWN -")
  message(FATAL_ERROR "an unchanged answer was printed again\n${said}")
endif()

# The build runs CMake again if a header changed that decided an answer.
edit(include/own.h second third)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${BUILD_DIR}" RESULT_VARIABLE result
  OUTPUT_VARIABLE said ERROR_VARIABLE said)
expect_equal("${result}" 0)
expect_answers(MODULE_H TIMER_SETUP OWN GIVEN)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${BUILD_DIR}" OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(said MATCHES "Configuring done")
  message(FATAL_ERROR "CMake ran again without a change\n${said}")
endif()

# A compiler that refuses its flags is no "no".
edit(CMakeLists.txt "OWN=2 INCLUDE" "OWN=2 COMPILE_OPTIONS -fno-such-option=1 INCLUDE")
try_configure(result said)
expect_match("${said}" "kbuild_check_source_compiles[(]HAVE_OWN[)]: .*gave no answer")
if(result STREQUAL "0" OR EXISTS "${WORK}/source/sprung" OR EXISTS "${BUILD_DIR}/sprung")
  message(FATAL_ERROR "${result}\n${said}")
endif()
