# Targets that look at the sources: `format` rewrites them, `clang-tidy` (preset clang) checks them.

find_program(CLANG_FORMAT_PROGRAM clang-format)
find_program(RUN_CLANG_TIDY_PROGRAM NAMES run-clang-tidy run-clang-tidy-14)

if(CLANG_FORMAT_PROGRAM)
  add_custom_target(format
    COMMAND sh -c "find src tests bench fuzz cmake -name '*.cc' -o -name '*.h' | xargs $0 -i"
            "${CLANG_FORMAT_PROGRAM}"
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}" VERBATIM)
endif()
if(RUN_CLANG_TIDY_PROGRAM AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_custom_target(clang-tidy
    COMMAND "${RUN_CLANG_TIDY_PROGRAM}" -quiet -p "${CMAKE_BINARY_DIR}" "${CMAKE_SOURCE_DIR}/src/.*"
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}" VERBATIM)
endif()
