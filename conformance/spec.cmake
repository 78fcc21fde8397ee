# The requirements of SPEC.md as C++ and as data: conformance_requirements.hpp and requirements.json in
# <build>/generated.
# Targets that name a requirement link `conformance_spec`; editing SPEC.md writes the header again.

find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

set(amspec ${PROJECT_SOURCE_DIR}/tools/amspec)
set(conformance_generated ${PROJECT_BINARY_DIR}/generated)
file(GLOB amspec_sources CONFIGURE_DEPENDS ${amspec}/*.py)

add_custom_command(
  OUTPUT ${conformance_generated}/conformance_requirements.hpp ${conformance_generated}/requirements.json
  COMMAND Python3::Interpreter -B ${amspec} header --output ${conformance_generated}/conformance_requirements.hpp
  COMMAND Python3::Interpreter -B ${amspec} json --output ${conformance_generated}/requirements.json
  DEPENDS ${PROJECT_SOURCE_DIR}/SPEC.md ${amspec_sources}
  COMMENT "Reading SPEC.md"
  VERBATIM)
add_custom_target(conformance_requirements DEPENDS ${conformance_generated}/conformance_requirements.hpp)

add_library(conformance_spec INTERFACE)
add_dependencies(conformance_spec conformance_requirements)
target_include_directories(conformance_spec INTERFACE ${conformance_generated} ${PROJECT_SOURCE_DIR})
target_compile_features(conformance_spec INTERFACE cxx_std_20)
