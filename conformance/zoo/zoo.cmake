# zoo.toml and registry.toml travel inside the program, so that amconf stays one file.
file(READ ${CMAKE_CURRENT_LIST_DIR}/zoo.toml ZOO_TOML)
file(READ ${CMAKE_CURRENT_LIST_DIR}/registry.toml REGISTRY_TOML)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_CURRENT_LIST_DIR}/zoo.toml ${CMAKE_CURRENT_LIST_DIR}/registry.toml)
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/zoo_data.cpp @ONLY CONTENT
"// Written by zoo.cmake from zoo.toml and registry.toml.
#include <string_view>
namespace agentmesh::conformance::zoo {
extern const std::string_view zoo_toml;
extern const std::string_view registry_toml;
const std::string_view zoo_toml = R\"zoo(@ZOO_TOML@)zoo\";
const std::string_view registry_toml = R\"zoo(@REGISTRY_TOML@)zoo\";
}  // namespace agentmesh::conformance::zoo
")
set(zoo_data ${CMAKE_CURRENT_BINARY_DIR}/zoo_data.cpp)
find_package(tomlplusplus 3 REQUIRED)
