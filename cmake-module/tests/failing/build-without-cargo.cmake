# says: Kbuild_BUILD_PROGRAM is on, but cargo is not in PATH
# with: -DKbuild_BUILD_PROGRAM=ON
# with: -DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF
# with: -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF
# without: HOME
# without: CARGO_HOME
# only: subdirectory
kbuild_add_module(hello hello.c)
