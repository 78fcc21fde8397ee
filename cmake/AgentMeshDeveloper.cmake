# What only our own build needs: warnings, sanitizers, compiler cache, test helpers.

find_program(ccache_program ccache)
if(ccache_program AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache_program})
endif()

add_library(agentmesh_developer INTERFACE)
target_compile_options(agentmesh_developer INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(AGENTMESH_SANITIZE)
  # Instrumented code gives g++ 12 false alarms inside the standard library (std::regex, std::function).
  target_compile_options(agentmesh_developer INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_compile_options(agentmesh_developer INTERFACE
    -fsanitize=${AGENTMESH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(agentmesh_developer INTERFACE -fsanitize=${AGENTMESH_SANITIZE})
  # Asio uses atomic_thread_fence, of which g++ warns that its thread sanitizer does not follow it.
  if(AGENTMESH_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(agentmesh_developer INTERFACE -Wno-tsan)
  endif()
endif()
if(AGENTMESH_ASSERTIONS)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
endif()

find_package(nlohmann_json 3.11 REQUIRED)
# The distribution's interpreter is the one that sees the distribution's packages.
if(NOT DEFINED Python3_EXECUTABLE AND EXISTS /usr/bin/python3)
  set(Python3_EXECUTABLE /usr/bin/python3)
endif()
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
