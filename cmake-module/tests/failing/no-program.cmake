# says: in PATH: install it
# with: -UKbuild_EXECUTABLE
# with: -DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF
# with: -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF
# without: HOME
kbuild_add_module(hello hello.c)
