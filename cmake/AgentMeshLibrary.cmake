# The header-only targets and their installation.
#
#   agentmesh::agentmesh   the sans-IO library: C++20, libsodium, tl::expected; libcrypto when AGENTMESH_OPENSSL_AEAD is on
#   agentmesh::net         the same with the Asio drivers under net/; TLS when AGENTMESH_TLS is on
#   agentmesh::sqlite      what registry/sqlite_store.hpp needs; there when AGENTMESH_SQLITE is on
#   agentmesh::postgres    what registry/postgres_store.hpp needs; there when AGENTMESH_POSTGRES is on

find_package(PkgConfig REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
find_package(tl-expected REQUIRED)
find_package(Threads REQUIRED)

add_library(agentmesh INTERFACE)
add_library(agentmesh::agentmesh ALIAS agentmesh)
target_compile_features(agentmesh INTERFACE cxx_std_20)
file(GLOB_RECURSE agentmesh_headers CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/include/agentmesh/*.hpp ${PROJECT_SOURCE_DIR}/include/agentmesh/*.ipp)
target_sources(agentmesh INTERFACE FILE_SET HEADERS
               BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${agentmesh_headers})
target_link_libraries(agentmesh INTERFACE PkgConfig::sodium tl::expected)
if(AGENTMESH_OPENSSL_AEAD)
  find_package(OpenSSL 3.0 REQUIRED)
  target_link_libraries(agentmesh INTERFACE OpenSSL::Crypto)
  target_compile_definitions(agentmesh INTERFACE AGENTMESH_OPENSSL_AEAD=1)
endif()

add_library(agentmesh_net INTERFACE)
add_library(agentmesh::net ALIAS agentmesh_net)
set_target_properties(agentmesh_net PROPERTIES EXPORT_NAME net)
target_link_libraries(agentmesh_net INTERFACE agentmesh Threads::Threads)
target_compile_definitions(agentmesh_net INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED)
if(AGENTMESH_TLS)
  find_package(OpenSSL 3.0 REQUIRED)
  target_link_libraries(agentmesh_net INTERFACE OpenSSL::SSL OpenSSL::Crypto)
  target_compile_definitions(agentmesh_net INTERFACE AGENTMESH_TLS=1)
endif()

if(AGENTMESH_SQLITE)
  find_package(SQLite3 3.37 REQUIRED)
  add_library(agentmesh_sqlite INTERFACE)
  add_library(agentmesh::sqlite ALIAS agentmesh_sqlite)
  set_target_properties(agentmesh_sqlite PROPERTIES EXPORT_NAME sqlite)
  target_link_libraries(agentmesh_sqlite INTERFACE agentmesh SQLite::SQLite3)
  install(TARGETS agentmesh_sqlite EXPORT agentmeshTargets)
endif()

if(AGENTMESH_POSTGRES)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq>=14)
  add_library(agentmesh_postgres INTERFACE)
  add_library(agentmesh::postgres ALIAS agentmesh_postgres)
  set_target_properties(agentmesh_postgres PROPERTIES EXPORT_NAME postgres)
  target_link_libraries(agentmesh_postgres INTERFACE agentmesh PkgConfig::libpq)
  install(TARGETS agentmesh_postgres EXPORT agentmeshTargets)
endif()

install(TARGETS agentmesh agentmesh_net EXPORT agentmeshTargets FILE_SET HEADERS)
install(EXPORT agentmeshTargets NAMESPACE agentmesh:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/agentmesh)

include(CMakePackageConfigHelpers)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/agentmeshConfig.cmake.in agentmeshConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/agentmesh)
write_basic_package_version_file(agentmeshConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/agentmeshConfig.cmake ${PROJECT_BINARY_DIR}/agentmeshConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/agentmesh)

configure_file(${PROJECT_SOURCE_DIR}/cmake/agentmesh.pc.in agentmesh.pc @ONLY)
# Nothing in it depends on the architecture, and its prefix is where it lies.
install(FILES ${PROJECT_BINARY_DIR}/agentmesh.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
