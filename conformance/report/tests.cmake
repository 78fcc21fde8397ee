# Included by ../CMakeLists.txt where AGENTMESH_TESTS is on. `test_main` comes from tests/.
find_package(Catch2 2.13 REQUIRED)
include(Catch)

file(GLOB report_test_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/tests/*.cpp)
agentmesh_batch(report_test_sources conformance_report_tests ${report_test_sources})
add_executable(conformance_report_tests ${report_test_sources})
target_link_libraries(conformance_report_tests PRIVATE conformance_engine test_main)
target_compile_definitions(conformance_report_tests PRIVATE AGENTMESH_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
catch_discover_tests(conformance_report_tests TEST_PREFIX "conformance_report: " DISCOVERY_MODE PRE_TEST
                     PROPERTIES TIMEOUT 300)

include(${CMAKE_CURRENT_LIST_DIR}/../trace/tests.cmake)
