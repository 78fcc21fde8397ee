# Included by ../report/tests.cmake. The rules are tested without the cases and the zoo.
file(GLOB trace_test_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/tests/*.cpp)
agentmesh_batch(trace_test_sources conformance_trace_tests ${trace_test_sources})
add_executable(conformance_trace_tests ${trace_test_sources}
  ${CMAKE_CURRENT_LIST_DIR}/collect.cpp ${CMAKE_CURRENT_LIST_DIR}/rules.cpp ${CMAKE_CURRENT_LIST_DIR}/print.cpp)
target_link_libraries(conformance_trace_tests PRIVATE conformance_engine test_main)
catch_discover_tests(conformance_trace_tests TEST_PREFIX "conformance_trace: " DISCOVERY_MODE PRE_TEST
                     PROPERTIES TIMEOUT 300)

if(AGENTMESH_PROGRAMS)
  add_test(NAME conformance/trace COMMAND amconf trace --root ${PROJECT_SOURCE_DIR})
  set_tests_properties(conformance/trace PROPERTIES TIMEOUT 120)
endif()
