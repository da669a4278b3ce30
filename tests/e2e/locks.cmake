# Read by ctest once the tests are known. Those of one place take turns, and others run meanwhile.
foreach(test IN LISTS e2e_test_TESTS)
  if(test MATCHES "WholeDirectoryTest")
    set_tests_properties("${test}" PROPERTIES RESOURCE_LOCK whole_directory)
  endif()
endforeach()
