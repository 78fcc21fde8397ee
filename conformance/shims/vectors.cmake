# The vectors a shim is asked, inside the program, so that amconf stays one file.
file(GLOB shim_vectors CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/vectors/encodings/*.json ${PROJECT_SOURCE_DIR}/vectors/identity/*.json
     ${PROJECT_SOURCE_DIR}/vectors/crypto/*.json ${PROJECT_SOURCE_DIR}/vectors/kex/*.json
     ${PROJECT_SOURCE_DIR}/vectors/ratchet/*.json ${PROJECT_SOURCE_DIR}/vectors/knock/*.json
     ${PROJECT_SOURCE_DIR}/vectors/policy/*.json ${PROJECT_SOURCE_DIR}/vectors/envelope/*.json
     ${PROJECT_SOURCE_DIR}/vectors/capability/*.json ${PROJECT_SOURCE_DIR}/vectors/registry/*.json)
set(shim_vector_data ${CMAKE_CURRENT_BINARY_DIR}/shim_vector_data.cpp)
add_custom_command(
  OUTPUT ${shim_vector_data}
  COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_LIST_DIR}/embed.py ${shim_vector_data} ${PROJECT_SOURCE_DIR}/vectors
          ${shim_vectors}
  DEPENDS ${shim_vectors} ${CMAKE_CURRENT_LIST_DIR}/embed.py
  COMMENT "Packing the vectors for amconf shim"
  VERBATIM)
