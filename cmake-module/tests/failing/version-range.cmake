# says: that is compatible with requested version range "0.2...<1"
# only: installed
find_package(Kbuild 0.2...<1 CONFIG REQUIRED)
