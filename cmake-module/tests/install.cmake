# Installs the package into WORK/prefix.
cmake_minimum_required(VERSION 3.22...4.0)
set(build "${WORK}/package")
execute_process(
  COMMAND "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/.." -B "${build}"
    -G "${GENERATOR}" -C "${WORK}/settings.cmake"
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND "${CMAKE_COMMAND}" --install "${build}" --prefix "${WORK}/prefix"
  COMMAND_ERROR_IS_FATAL ANY)
