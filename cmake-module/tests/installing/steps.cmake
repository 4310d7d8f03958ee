execute_process(
  COMMAND openssl req -new -x509 -newkey rsa:2048 -nodes -days 100 -subj "/CN=Nobody's"
    -keyout "${WORK}/source/key.pem" -out "${WORK}/source/cert.pem"
  OUTPUT_QUIET ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
configure()
build(hello.ko)

# try_install(<out_result> <out_said> [<argument>...])
function(try_install out_result out_said)
  execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD_DIR}" ${ARGN}
    WORKING_DIRECTORY "${WORK}"
    RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  set(${out_result} "${result}" PARENT_SCOPE)
  set(${out_said} "${said}" PARENT_SCOPE)
endfunction()

# expect_installed(<folder> <pattern>): the files below it, in their order.
function(expect_installed folder pattern)
  file(GLOB_RECURSE files RELATIVE "${folder}" "${folder}/*")
  list(SORT files)
  expect_match("${files}" "^${pattern}$")
endfunction()

set(modules "lib/modules/[^/;]+")
set(ENV{DESTDIR} "${WORK}/dest dir")
try_install(result said --component plain)
expect_equal("${result}" 0)
expect_installed("${WORK}/dest dir" "${modules}/updates/hello[.]ko")
file(STRINGS "${BUILD_DIR}/install_manifest_plain.txt" manifest)
expect_match("${manifest}" "^/${modules}/updates/hello[.]ko$")

# A relative folder starts where the installation was called. A second installation changes nothing.
set(ENV{DESTDIR} "relative")
foreach(again RANGE 1)
  try_install(result said)
  expect_equal("${result}" 0)
  expect_installed("${WORK}/relative"
    "${modules}/updates/hello[.]ko;${modules}/vendor/hello[.]ko[.]xz")
  file(STRINGS "${BUILD_DIR}/install_manifest.txt" manifest)
  expect_match("${manifest}" "^/${modules}/updates/hello[.]ko;/${modules}/vendor/hello[.]ko[.]xz$")
endforeach()
file(GLOB_RECURSE finished "${WORK}/relative/*.xz")
execute_process(COMMAND xz -dc "${finished}" OUTPUT_FILE "${WORK}/finished.ko"
  COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS "${WORK}/finished.ko" signature REGEX "~Module signature appended~")
expect_match("${signature}" "Module signature appended")

# The variables of the project's user, and an image.
unset(ENV{DESTDIR})
edit(CMakeLists.txt "KEY key.pem CERT cert.pem STRIP COMPRESS xz" "COMPRESS none")
configure("-DINSTALL_MOD_PATH=${WORK}/image" "-DKbuild_SIGN_KEY=${WORK}/source/key.pem"
  "-DKbuild_SIGN_CERT=${WORK}/source/cert.pem")
try_install(result said)
expect_equal("${result}" 0)
expect_installed("${WORK}/image"
  "${modules}/updates/hello[.]ko;${modules}/vendor/hello[.]ko")

# The program's message comes through, and nothing else is installed.
file(GLOB_RECURSE built "${BUILD_DIR}/kbuild-out/*.ko")
file(WRITE "${built}" "no module")
try_install(result said)
if(result STREQUAL "0")
  message(FATAL_ERROR "the installation has a file that is not a module\n${said}")
endif()
expect_match("${said}" "error: .*hello[.]ko.*kbuild_install\\(hello\\): kbuild-rs did not install the modules")
