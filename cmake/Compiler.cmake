# How our own code is compiled: target `rollcall_options`, linked privately by every module.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # So that it caches what uses headers parsed before (AddModule.cmake), too.
  set(launcher "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros
    "${CCACHE_PROGRAM}")
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(rollcall_options INTERFACE)
target_include_directories(rollcall_options INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_options(rollcall_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
# GCC counts a member that a designated initialiser leaves to its constructor as a mistake.
target_compile_options(rollcall_options INTERFACE -Wno-missing-field-initializers)
# ROLLCALL_DEPS_DIR: models/default and photos, for a program that runs where it was built.
target_compile_definitions(rollcall_options INTERFACE
  ROLLCALL_VERSION="${PROJECT_VERSION}" ROLLCALL_DEPS_DIR="${ROLLCALL_DEPS_DIR}")
if(ROLLCALL_FILES_TOGETHER GREATER 1 AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Taken for a header's, a file's own types would be a mistake.
  target_compile_options(rollcall_options INTERFACE -Wno-subobject-linkage)
endif()
if(ROLLCALL_FILES_TOGETHER GREATER 1)
  # Likewise: the same headers give the same bytes.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(rollcall_options INTERFACE -fpch-preprocess)
  else()
    target_compile_options(rollcall_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()
# GCC spends an eighth of a compilation on collecting its own garbage to stay below 1 GB; not where
# there is room for it.
cmake_host_system_information(RESULT memory_mb QUERY TOTAL_PHYSICAL_MEMORY)
cmake_host_system_information(RESULT processors QUERY NUMBER_OF_LOGICAL_CORES)
math(EXPR memory_mb "${memory_mb} / ${processors}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND memory_mb GREATER 3000)
  target_compile_options(rollcall_options INTERFACE
    "SHELL:--param ggc-min-heapsize=2000000" "SHELL:--param ggc-min-expand=100")
endif()
if(ROLLCALL_FAILPOINTS)
  target_compile_definitions(rollcall_options INTERFACE ROLLCALL_FAILPOINTS=1)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(rollcall_options INTERFACE -Wthread-safety -Werror=thread-safety)
endif()

# Sanitizers reach third-party sources that we compile (SQLite) as well.
if(ROLLCALL_SANITIZE)
  # Compilers name it differently.
  target_compile_definitions(rollcall_options INTERFACE ROLLCALL_SANITIZED=1)
  if(ROLLCALL_SANITIZE STREQUAL "thread")
    target_compile_definitions(rollcall_options INTERFACE ROLLCALL_THREAD_SANITIZED=1)
  endif()
  add_compile_options(-fsanitize=${ROLLCALL_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ROLLCALL_SANITIZE})
  if(ROLLCALL_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
    # GCC 12 sees uninitialised members inside std::regex once asan instruments it. Clang has no
    # such warning.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(rollcall_options INTERFACE -Wno-maybe-uninitialized)
    endif()
  endif()
  if(ROLLCALL_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC warns about the fences inside Asio, which tsan does not model.
    target_compile_options(rollcall_options INTERFACE -Wno-tsan)
  endif()
endif()
if(ROLLCALL_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
