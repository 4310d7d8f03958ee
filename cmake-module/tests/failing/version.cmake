# says: that is compatible with requested version "9.9"
# only: installed
find_package(Kbuild 9.9 CONFIG REQUIRED)
