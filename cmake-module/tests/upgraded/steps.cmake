# The package's source tree gets one more file, and is installed without another run of CMake.
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
