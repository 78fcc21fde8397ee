# zoo.toml travels inside the program, so that amconf stays one file.
file(READ ${CMAKE_CURRENT_LIST_DIR}/zoo.toml ZOO_TOML)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/zoo.toml)
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/zoo_data.cpp @ONLY CONTENT
"// Written by zoo.cmake from zoo.toml.
#include <string_view>
namespace agentmesh::conformance::zoo {
extern const std::string_view zoo_toml;
const std::string_view zoo_toml = R\"zoo(@ZOO_TOML@)zoo\";
}  // namespace agentmesh::conformance::zoo
")
set(zoo_data ${CMAKE_CURRENT_BINARY_DIR}/zoo_data.cpp)
find_package(tomlplusplus 3 REQUIRED)
