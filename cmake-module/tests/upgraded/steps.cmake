# The package's source tree gets a file more, and is installed without CMake being run before.
file(GLOB files "${PROJECT}/../../*.cmake")
file(COPY ${files} "${PROJECT}/../../CMakeLists.txt" DESTINATION "${WORK}/source")
configure()
file(WRITE "${WORK}/source/KbuildNews.cmake" "")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${WORK}/prefix"
  OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
foreach(file KbuildConfig.cmake KbuildNews.cmake)
  if(NOT EXISTS "${WORK}/prefix/share/cmake/Kbuild/${file}")
    message(FATAL_ERROR "${file} is not installed\n${said}")
  endif()
endforeach()
