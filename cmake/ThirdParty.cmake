# Every library that is not ours, as third_party::<name>. Imported targets, so that their headers
# are system headers and warn about nothing. tests/tidy/rules.json says which folder may use which.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
if(NOT EXISTS "${ROLLCALL_DEPS_DIR}/stamps/packages")
  message(FATAL_ERROR "${ROLLCALL_DEPS_DIR} is not complete: run tools/fetch-packages.sh first.")
endif()

# third_party::NAME from a system package's pkg-config modules.
function(third_party_pkgconfig name)
  pkg_check_modules(TP_${name} REQUIRED QUIET IMPORTED_TARGET GLOBAL ${ARGN})
  add_library(third_party::${name} INTERFACE IMPORTED GLOBAL)
  target_link_libraries(third_party::${name} INTERFACE PkgConfig::TP_${name})
endfunction()

# third_party::NAME from a shared library that stands outside the system's folders.
function(third_party_shared name library soname include_dir)
  add_library(third_party::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(third_party::${name} PROPERTIES
    IMPORTED_LOCATION "${library}"
    IMPORTED_SONAME "${soname}"
    INTERFACE_INCLUDE_DIRECTORIES "${include_dir}")
endfunction()

# Inference. Another installation may keep its headers one folder deeper.
find_library(ROLLCALL_ONNXRUNTIME_LIBRARY onnxruntime REQUIRED NO_DEFAULT_PATH
  PATHS "${ROLLCALL_ONNXRUNTIME_ROOT}"
  PATH_SUFFIXES lib lib64 lib/${CMAKE_LIBRARY_ARCHITECTURE})
find_path(ROLLCALL_ONNXRUNTIME_INCLUDE_DIR onnxruntime_cxx_api.h REQUIRED NO_DEFAULT_PATH
  PATHS "${ROLLCALL_ONNXRUNTIME_ROOT}"
  PATH_SUFFIXES include include/onnxruntime include/onnxruntime/core/session)
third_party_shared(onnxruntime "${ROLLCALL_ONNXRUNTIME_LIBRARY}" libonnxruntime.so.1
  "${ROLLCALL_ONNXRUNTIME_INCLUDE_DIR}")

# Contract "local first": no program that infers may speak to anyone.
add_library(rollcall_onnxruntime_telemetry_off STATIC
  "${PROJECT_SOURCE_DIR}/cmake/onnxruntime_telemetry_off.cc")
target_link_libraries(rollcall_onnxruntime_telemetry_off PRIVATE rollcall_options)
target_link_libraries(third_party::onnxruntime INTERFACE rollcall_onnxruntime_telemetry_off)
target_link_options(third_party::onnxruntime INTERFACE
  LINKER:--undefined=rollcall_onnxruntime_telemetry_off)

third_party_shared(duckdb "${ROLLCALL_DEPS_DIR}/duckdb/lib/libduckdb.so" libduckdb.so
  "${ROLLCALL_DEPS_DIR}/duckdb/include")

# The amalgamation, because Debian's SQLite has the WAL-reset race (fixed in 3.51.3).
add_library(rollcall_sqlite3 STATIC "${ROLLCALL_DEPS_DIR}/sqlite/sqlite3.c")
target_compile_definitions(rollcall_sqlite3 PRIVATE
  SQLITE_THREADSAFE=1 SQLITE_DQS=0 SQLITE_OMIT_LOAD_EXTENSION SQLITE_OMIT_DEPRECATED
  SQLITE_OMIT_SHARED_CACHE SQLITE_DEFAULT_MEMSTATUS=0 SQLITE_DEFAULT_FOREIGN_KEYS=1
  SQLITE_LIKE_DOESNT_MATCH_BLOBS SQLITE_MAX_EXPR_DEPTH=0 SQLITE_USE_ALLOCA
  SQLITE_DEFAULT_WAL_SYNCHRONOUS=2 SQLITE_ENABLE_API_ARMOR)
target_compile_options(rollcall_sqlite3 PRIVATE -w)
target_include_directories(rollcall_sqlite3 SYSTEM INTERFACE "${ROLLCALL_DEPS_DIR}/sqlite")
target_link_libraries(rollcall_sqlite3 PUBLIC Threads::Threads)
add_library(third_party::sqlite ALIAS rollcall_sqlite3)

third_party_pkgconfig(libav libavformat libavcodec libavutil libswscale)
third_party_pkgconfig(turbojpeg libturbojpeg)
third_party_pkgconfig(crypto libcrypto)
third_party_pkgconfig(curl libcurl)
third_party_pkgconfig(seccomp libseccomp)
third_party_pkgconfig(json nlohmann_json)
third_party_pkgconfig(spdlog spdlog fmt)
third_party_pkgconfig(cli11 CLI11)
third_party_pkgconfig(toml tomlplusplus)
third_party_pkgconfig(xlsxwriter xlsxwriter)
third_party_pkgconfig(prometheus prometheus-cpp-core)

# Asio and Beast: headers only, and no Boost library is linked.
find_path(ROLLCALL_BOOST_INCLUDE_DIR boost/beast/version.hpp REQUIRED)
add_library(third_party::beast INTERFACE IMPORTED GLOBAL)
target_include_directories(third_party::beast SYSTEM INTERFACE "${ROLLCALL_BOOST_INCLUDE_DIR}")
target_compile_definitions(third_party::beast INTERFACE BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_DISABLE_BOOST_ARRAY BOOST_ASIO_DISABLE_BOOST_REGEX)

# Core and imgproc only: OpenCVConfig.cmake would ask for every module of the whole package.
find_path(ROLLCALL_OPENCV_INCLUDE_DIR opencv2/imgproc.hpp REQUIRED PATH_SUFFIXES opencv4)
find_library(ROLLCALL_OPENCV_CORE opencv_core REQUIRED)
find_library(ROLLCALL_OPENCV_IMGPROC opencv_imgproc REQUIRED)
add_library(third_party::opencv INTERFACE IMPORTED GLOBAL)
target_include_directories(third_party::opencv INTERFACE "${ROLLCALL_OPENCV_INCLUDE_DIR}")
target_link_libraries(third_party::opencv INTERFACE
  ${ROLLCALL_OPENCV_IMGPROC} ${ROLLCALL_OPENCV_CORE})

if(ROLLCALL_TESTS)
  third_party_pkgconfig(zlib zlib)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
  add_library(third_party::gtest INTERFACE IMPORTED GLOBAL)
  target_link_libraries(third_party::gtest INTERFACE GTest::gmock GTest::gtest)
  add_library(third_party::gtest_main INTERFACE IMPORTED GLOBAL)
  target_link_libraries(third_party::gtest_main INTERFACE GTest::gmock_main third_party::gtest)
  add_library(third_party::benchmark INTERFACE IMPORTED GLOBAL)
  target_link_libraries(third_party::benchmark INTERFACE benchmark::benchmark)
  include(GoogleTest)
endif()
