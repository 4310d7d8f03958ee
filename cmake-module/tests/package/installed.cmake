find_package(Kbuild 0.1 CONFIG REQUIRED)
