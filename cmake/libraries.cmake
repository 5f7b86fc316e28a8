# Third-party libraries, all of Debian 12, each as one imported target. Flags come from pkg-config where they change the
# ABI (cpp-httplib).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Protobuf REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(GTest REQUIRED)
foreach(lib IN ITEMS cpp-httplib lmdb pugixml yaml-cpp libutf8proc)
  string(MAKE_C_IDENTIFIER ${lib} id)
  pkg_check_modules(${id} REQUIRED IMPORTED_TARGET ${lib})
endforeach()
