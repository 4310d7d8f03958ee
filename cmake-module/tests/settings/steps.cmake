configure()
build("main.ko, extra.ko" plain.ko)
expect_match("${said}" "unused_number")
build_nothing()

function(expect_in_module module text)
  file(GLOB module "${BUILD_DIR}/kbuild-out/*/${module}.ko")
  file(STRINGS "${module}" said REGEX "${text}")
  if(NOT said)
    message(FATAL_ERROR "there is no [${text}] in ${module}")
  endif()
endfunction()

expect_in_module(main "^description=1[.]0 of acme; co for [0-9]+[.][0-9]+[.][0-9]+")
expect_in_module(plain "plain_was_linked")

edit(driver/main/configure 1.0 1.1)
build("main.ko, extra.ko")
expect_in_module(main "^description=1[.]1 of acme; co for ")
edit(CMakeLists.txt "acme; co" "acme")
build("main.ko, extra.ko")
expect_in_module(main "^description=1[.]1 of acme for ")
build_nothing()

# The project's sandbox, with what it may use.
configure(-DKbuild_SANDBOX=ON -DKbuild_SANDBOX_ALLOW=read=/usr)
file(READ "${BUILD_DIR}/CMakeFiles/driver.dir/arguments" arguments)
expect_match("${arguments}" "--sandbox --sandbox-allow read=/usr ")
build("main.ko, extra.ko" plain.ko)
expect_in_module(main "^description=1[.]1 of acme for ")
configure(-DKbuild_SANDBOX=OFF)

# A module's own level wins over the project's.
configure(-DKbuild_EXTRA_WARNINGS=2)
foreach(target_level driver=2 plain=1)
  string(REGEX MATCH "(.*)=(.*)" target_level "${target_level}")
  file(READ "${BUILD_DIR}/CMakeFiles/${CMAKE_MATCH_1}.dir/arguments" arguments)
  expect_match("${arguments}" "--extra-warnings ${CMAKE_MATCH_2} ")
endforeach()

# The cache: a path of the command line starts at the working directory, another one at the build
# folder.
function(expect_cache value wanted)
  configure("-DKbuild_CACHE${value}")
  file(READ "${BUILD_DIR}/CMakeFiles/driver.dir/arguments" arguments)
  string(REGEX MATCH "\n--(no-cache|cache\n[^\n]*)\n" line "${arguments}")
  expect_equal("${line}" "${wanted}")
endfunction()
file(REAL_PATH . here)
expect_cache("=one/../mod ules" "\n--cache\n${here}/mod ules\n")
expect_cache(":STRING=of the build" "\n--cache\n${BUILD_DIR}/of the build\n")
expect_cache(=OFF "\n--no-cache\n")
expect_cache(= "")
