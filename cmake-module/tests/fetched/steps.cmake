# fetch(<argument of FetchContent_Declare>...)
function(fetch)
  file(REMOVE_RECURSE "${BUILD_DIR}")
  list(JOIN ARGN " " from)
  configure("-DFROM=${from}" ${arguments})
  expect_match("${said}" "found=(1|TRUE) release=[0-9]")
endfunction()

# A source tree with the package in it, as in a repository.
set(source "${WORK}/repository")
file(GLOB files "${CMAKE_CURRENT_LIST_DIR}/../../*.cmake")
file(COPY ${files} "${CMAKE_CURRENT_LIST_DIR}/../../CMakeLists.txt"
  DESTINATION "${source}/cmake-module")
fetch(SOURCE_DIR "${source}")
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.24)
  fetch(SOURCE_DIR "${source}" OVERRIDE_FIND_PACKAGE)
endif()

# The settings of this machine must not matter.
set(ENV{GIT_CONFIG_GLOBAL} /dev/null)
set(git git -C "${source}" -c user.name=a -c user.email=a@b
  -c init.defaultBranch=main -c commit.gpgsign=false -c core.hooksPath=)
foreach(step init "add -A" "commit -m a")
  separate_arguments(step UNIX_COMMAND "${step}")
  execute_process(COMMAND ${git} ${step} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endforeach()
fetch(GIT_REPOSITORY "file://${source}" GIT_TAG main)
set(arguments "-DFETCHCONTENT_SOURCE_DIR_KBUILD=${source}")
fetch(GIT_REPOSITORY file:///no/such/repository GIT_TAG main)
