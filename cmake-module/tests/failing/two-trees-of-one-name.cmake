# says: kbuild_add_module(): a and b would both write
foreach(folder a b)
  file(WRITE "${CMAKE_BINARY_DIR}/${folder}/driver/Kbuild" "obj-m := ${folder}.o")
  kbuild_add_module(${folder} KBUILD "${CMAKE_BINARY_DIR}/${folder}/driver")
endforeach()
