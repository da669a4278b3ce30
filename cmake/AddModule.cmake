# add_module(NAME [DEPENDS module...] [LIBS third_party...] [TEST_DEPENDS module...]
#            [TEST_LIBS third_party...] [TESTS_IN name] [EXECUTABLE name] [UNSANITIZED reason])
#
# One folder of src/ as a static library `rollcall_<name>` ('/' becomes '_'). DEPENDS is the link
# list *and* the rule: a folder includes only what it names, and the test `tidy` fails on the rest.
# DEPENDS may name a module that is defined later, or not yet. `./test --sanitize` runs the tests of
# every module that does not say why not (UNSANITIZED).
#
#   *.cc             the library, sub-folders without a CMakeLists of their own included
#   main.cc          an executable, EXECUTABLE or `rollcall`
#   *_test.cc        `<name>_test`, one executable for the folder, found by ctest by the label
#                    `<name>`; with TESTS_IN one for all folders that say the same (a small one
#                    costs as much for its headers as for its tests)
#   test_main.cc     that executable's main, where GoogleTest's own does not do
#   testing/*.cc     fakes and contract suites: library `rollcall_<name>_testing`, tests only
#   *_bench.cc       `<name>_bench`, built by the target `benches`
#
# add_suite(NAME SOURCES... [DEPENDS] [LIBS])     a test executable outside src/
# add_bench(NAME SOURCES... [DEPENDS] [LIBS])     a benchmark outside src/
# add_fuzzer(NAME SOURCES... [DEPENDS] [LIBS] [CORPUS folder])
#   LLVMFuzzerTestOneInput; run by libFuzzer in the preset `fuzz`, else fed the corpus as a test.

add_custom_target(benches)

# What nearly every file includes, parsed once: an eighth of a cold build. Only headers of others,
# which do not change. Where files are compiled alone, each shows what it includes itself.
function(_parse_once name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "HEADERS;LIBS;OPTIONS")
  add_library(${name} OBJECT "${PROJECT_SOURCE_DIR}/cmake/parse_once.cc")
  target_link_libraries(${name} PRIVATE rollcall_options ${ARG_LIBS})
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
endfunction()

if(ROLLCALL_FILES_TOGETHER GREATER 1)
  set(headers <algorithm> <chrono> <filesystem> <fstream> <functional> <map> <memory> <optional>
    <random> <set> <sstream> <string> <thread> <vector> <fmt/format.h> <nlohmann/json.hpp>)
  _parse_once(rollcall_headers HEADERS ${headers})
  if(ROLLCALL_TESTS)
    _parse_once(rollcall_test_headers HEADERS ${headers} <gmock/gmock.h> <gtest/gtest.h>
      LIBS third_party::gtest OPTIONS -O0)
  endif()
endif()

# Several .cc files are compiled as one, which saves the headers and templates that they share: about
# half of a cold build. So names in anonymous namespaces are unique within a folder. The preset
# `clang` compiles each file alone and sees which one lacks an include.
function(_compile_together target headers)
  if(ROLLCALL_FILES_TOGETHER GREATER 1)
    set_target_properties(${target} PROPERTIES
      UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${ROLLCALL_FILES_TOGETHER})
    target_precompile_headers(${target} REUSE_FROM ${headers})
  endif()
endfunction()

function(add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "EXECUTABLE;TESTS_IN;UNSANITIZED"
    "DEPENDS;LIBS;TEST_DEPENDS;TEST_LIBS")
  _no_leftovers(add_module ${name} "${ARG_UNPARSED_ARGUMENTS}")
  string(REPLACE "/" "_" id "${name}")
  set(target rollcall_${id})

  _module_sources(files)
  set(sources ${files})
  list(FILTER sources EXCLUDE REGEX "(_test|_bench)\\.cc$|/(main|test_main)\\.cc$|/testing/")
  set(testing ${files})
  list(FILTER testing INCLUDE REGEX "/testing/.*\\.cc$")
  list(FILTER testing EXCLUDE REGEX "_test\\.cc$")
  set(tests ${files})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(benches ${files})
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")

  _add_library(${target} "${sources}" "${ARG_DEPENDS}" "${ARG_LIBS}")
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/main.cc")
    if(NOT ARG_EXECUTABLE)
      set(ARG_EXECUTABLE rollcall)
    endif()
    add_executable(${ARG_EXECUTABLE} main.cc)
    target_link_libraries(${ARG_EXECUTABLE} PRIVATE rollcall_options ${target})
  endif()

  if(ROLLCALL_TESTS)
    if(testing)
      _add_library(${target}_testing "${testing}" "${name};${ARG_TEST_DEPENDS}"
        "third_party::gtest;${ARG_TEST_LIBS}")
      _define_places(${target}_testing)
      list(APPEND ARG_TEST_DEPENDS "${name}/testing")
    endif()
    if(NOT ARG_TESTS_IN)
      set(ARG_TESTS_IN ${id})
    endif()
    if(tests)
      _add_test_executable(${ARG_TESTS_IN}_test "${tests}" "${name};${ARG_TEST_DEPENDS}"
        "${ARG_TEST_LIBS}")
    endif()
    if(benches)
      _add_bench_executable(${id}_bench "${benches}" "${name};${ARG_TEST_DEPENDS}" "${ARG_TEST_LIBS}")
    endif()
  endif()
  _record(module "${name}" "${ARG_DEPENDS}" "${ARG_LIBS}" "${ARG_TEST_DEPENDS}" "${ARG_TEST_LIBS}"
    "${tests}" "${ARG_UNSANITIZED}" "${ARG_TESTS_IN}")
endfunction()

function(add_suite name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;DEPENDS;LIBS")
  set(sources ${ARG_UNPARSED_ARGUMENTS} ${ARG_SOURCES})
  list(TRANSFORM sources PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/" REGEX "^[^/]")
  _add_test_executable(${name} "${sources}" "${ARG_DEPENDS}" "${ARG_LIBS}")
  _record(suite "${name}" "${ARG_DEPENDS}" "${ARG_LIBS}" "" "" "${sources}" "" "${name}")
endfunction()

function(add_bench name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;DEPENDS;LIBS")
  _add_bench_executable(${name} "${ARG_UNPARSED_ARGUMENTS};${ARG_SOURCES}" "${ARG_DEPENDS}"
    "${ARG_LIBS}")
  _record(bench "${name}" "${ARG_DEPENDS}" "${ARG_LIBS}" "" "" "" "" "")
endfunction()

function(add_fuzzer name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "CORPUS" "SOURCES;DEPENDS;LIBS")
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE rollcall_options ${ARG_LIBS})
  _link_later(${name} PRIVATE "${ARG_DEPENDS}")
  if(ROLLCALL_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/fuzz_replay.cc")
    if(ARG_CORPUS)
      cmake_path(ABSOLUTE_PATH ARG_CORPUS)
      add_test(NAME fuzz.${name} COMMAND ${name} "${ARG_CORPUS}")
      set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
    endif()
  endif()
  _record(fuzzer "${name}" "${ARG_DEPENDS}" "${ARG_LIBS}" "" "" "" "" "")
endfunction()

# Makes the links that add_module put off, and writes what the test `tidy` reads:
# one line per target, tab-separated:
# kind name folder depends libs test_depends test_libs tests unsanitized tests_in.
function(finish_modules)
  get_property(links GLOBAL PROPERTY ROLLCALL_LINKS)
  foreach(link IN LISTS links)
    string(REPLACE "|" ";" link "${link}")
    list(GET link 0 target)
    list(GET link 1 visibility)
    list(GET link 2 module)
    string(REPLACE "/" "_" wanted "rollcall_${module}")
    if(TARGET ${wanted})
      target_link_libraries(${target} ${visibility} ${wanted})
    elseif(NOT module MATCHES "/testing$")
      message(STATUS "${target} names the module ${module}, which does not exist (yet)")
    endif()
  endforeach()
  get_property(lines GLOBAL PROPERTY ROLLCALL_MODULES)
  list(JOIN lines "\n" text)
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/modules.txt" CONTENT "${text}\n" @ONLY)
endfunction()

# The folder's .cc files, without sub-folders that are modules themselves.
function(_module_sources result)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  file(GLOB_RECURSE inner LIST_DIRECTORIES false "${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt")
  foreach(file IN LISTS inner)
    get_filename_component(folder "${file}" DIRECTORY)
    list(FILTER files EXCLUDE REGEX "^${folder}/")
  endforeach()
  list(SORT files)
  set(${result} "${files}" PARENT_SCOPE)
endfunction()

function(_add_library target sources depends libs)
  if(sources)
    add_library(${target} STATIC ${sources})
    _compile_together(${target} rollcall_headers)
    target_link_libraries(${target} PRIVATE rollcall_options PUBLIC ${libs} Threads::Threads)
    _link_later(${target} PUBLIC "${depends}")
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${libs} Threads::Threads)
    _link_later(${target} INTERFACE "${depends}")
  endif()
endfunction()

function(_add_test_executable target sources depends libs)
  list(REMOVE_DUPLICATES depends)
  if(TARGET ${target})
    target_sources(${target} PRIVATE ${sources})
    target_link_libraries(${target} PRIVATE ${libs})
    _link_later(${target} PRIVATE "${depends}")
    return()
  endif()
  set(main third_party::gtest_main)
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/test_main.cc")
    list(APPEND sources "${CMAKE_CURRENT_SOURCE_DIR}/test_main.cc")
    set(main third_party::gtest)
  endif()
  add_executable(${target} ${sources})
  _compile_together(${target} rollcall_test_headers)
  # A test's own code is compiled more often than it is waited for: half the time of -O2. What it
  # tests, fakes and contract suites are libraries and stay as they are.
  target_compile_options(${target} PRIVATE -O0)
  _define_places(${target})
  target_link_libraries(${target} PRIVATE rollcall_options ${libs} ${main})
  _link_later(${target} PRIVATE "${depends}")
  string(REGEX REPLACE "_test$" "" label "${target}")
  gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 600 LABELS ${label})
endfunction()

# Where a test or benchmark finds the repository's own files and the built programs.
function(_define_places target)
  target_compile_definitions(${target} PRIVATE
    ROLLCALL_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    ROLLCALL_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
endfunction()

function(_add_bench_executable target sources depends libs)
  add_executable(${target} EXCLUDE_FROM_ALL ${sources})
  _compile_together(${target} rollcall_headers)
  _define_places(${target})
  target_link_libraries(${target} PRIVATE rollcall_options ${libs} third_party::benchmark)
  _link_later(${target} PRIVATE "${depends}")
  add_dependencies(benches ${target})
endfunction()

function(_link_later target visibility modules)
  foreach(module IN LISTS modules)
    if(module)
      set_property(GLOBAL APPEND PROPERTY ROLLCALL_LINKS "${target}|${visibility}|${module}")
    endif()
  endforeach()
endfunction()

function(_record kind name depends libs test_depends test_libs tests unsanitized tests_in)
  file(RELATIVE_PATH folder "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  list(TRANSFORM tests REPLACE "^${PROJECT_SOURCE_DIR}/" "")
  set(line "${kind}\t${name}\t${folder}")
  foreach(column IN ITEMS depends libs test_depends test_libs tests unsanitized tests_in)
    string(REPLACE ";" "," joined "${${column}}")
    string(APPEND line "\t${joined}")
  endforeach()
  set_property(GLOBAL APPEND PROPERTY ROLLCALL_MODULES "${line}")
endfunction()

function(_no_leftovers function name leftovers)
  if(leftovers)
    message(FATAL_ERROR "${function}(${name}): what is '${leftovers}'?")
  endif()
endfunction()
