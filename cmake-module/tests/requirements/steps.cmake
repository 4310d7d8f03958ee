configure(-DCMAKE_BUILD_TYPE=Debug)
build(provider.ko user.ko)
build_nothing()
