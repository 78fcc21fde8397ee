# What only our own build needs: warnings, sanitizers, compiler cache, test helpers.

find_program(ccache_program ccache)
if(ccache_program AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache_program})
endif()

add_library(agentmesh_developer INTERFACE)
target_compile_options(agentmesh_developer INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(AGENTMESH_SANITIZE)
  # Instrumented code gives g++ 12 false alarms, of bounds and of what may be uninitialized. Warnings are errors in the
  # plain builds, which compile the same files.
  target_compile_options(agentmesh_developer INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-error>)
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

# agentmesh_batch(VARIABLE NAME files...): the same files in few translation units, each of which parses the headers and
# instantiates the machines once for all of its files (docs/decisions/0015). Files that cannot share stay as they are.
function(agentmesh_batch variable name)
  set(${variable} ${ARGN} PARENT_SCOPE)
  if(NOT AGENTMESH_BATCHES OR ARGC LESS 4)
    return()
  endif()
  set(script ${PROJECT_SOURCE_DIR}/cmake/batch.py)
  set(files "")
  foreach(file IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
    list(APPEND files ${file})
  endforeach()
  execute_process(COMMAND ${Python3_EXECUTABLE} -B ${script} --alone ${files} OUTPUT_VARIABLE units COMMAND_ERROR_IS_FATAL ANY)
  list(REMOVE_ITEM files ${units})
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/batches)
  file(MAKE_DIRECTORY ${folder})
  # As few batches as the number allows, and all of about the same size.
  list(LENGTH files left)
  math(EXPR batches "(${left} + ${AGENTMESH_BATCHES} - 1) / ${AGENTMESH_BATCHES}")
  while(left GREATER 0)
    math(EXPR size "(${left} + ${batches} - 1) / ${batches}")
    math(EXPR batches "${batches} - 1")
    list(SUBLIST files 0 ${size} some)
    list(GET some 0 first)
    cmake_path(GET first STEM stem)
    set(unit ${folder}/${name}_${stem}.cpp)
    add_custom_command(OUTPUT ${unit} COMMAND ${Python3_EXECUTABLE} -B ${script} ${unit} ${PROJECT_SOURCE_DIR} ${some}
                       DEPENDS ${some} ${script} VERBATIM)
    list(APPEND units ${unit})
    list(REMOVE_ITEM files ${some})
    list(LENGTH files left)
  endwhile()
  set(${variable} ${units} PARENT_SCOPE)
endfunction()

find_package(nlohmann_json 3.11 REQUIRED)
# The distribution's interpreter is the one that sees the distribution's packages.
if(NOT DEFINED Python3_EXECUTABLE AND EXISTS /usr/bin/python3)
  set(Python3_EXECUTABLE /usr/bin/python3)
endif()
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
