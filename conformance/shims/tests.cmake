# The judge judged: our own shim passes everything, each way of being broken is caught, what implements nothing passes
# nothing, and the npm package fails exactly what expected.json pins.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

# agentmesh_shim_test(NAME arguments of check.py...)
function(agentmesh_shim_test name)
  add_test(NAME "shims: ${name}"
           COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/conformance/shims/check.py
                   --amconf $<TARGET_FILE:amconf> --shim $<TARGET_FILE:agentmesh-shim> ${ARGN})
  set_tests_properties("shims: ${name}" PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
endfunction()

foreach(suite IN ITEMS am1 wire10 wire10-legacy v02)
  agentmesh_shim_test("our own passes everything under ${suite}" own ${suite})
endforeach()
agentmesh_shim_test("every broken shim is caught" broken)
agentmesh_shim_test("what implements nothing passes nothing" null)
agentmesh_shim_test("every question of the vectors has a case, and the schemas hold" schemas)

add_test(NAME "shims: the pinned npm package is in place"
         COMMAND ${PROJECT_SOURCE_DIR}/conformance/shims/npm-agt/install)
set_tests_properties("shims: the pinned npm package is in place" PROPERTIES
                     SKIP_RETURN_CODE 77 TIMEOUT 240 FIXTURES_SETUP shim_package)
agentmesh_shim_test("the published npm package fails what it does wrong" npm-agt)
set_tests_properties("shims: the published npm package fails what it does wrong" PROPERTIES
                     FIXTURES_REQUIRED shim_package)
