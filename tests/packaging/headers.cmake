# Every header compiles alone, and the umbrella header links from two units. Building is the test.
set(include_dir "${PROJECT_SOURCE_DIR}/include")
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${include_dir}" "${include_dir}/eigengrad/*.hpp")
if(NOT TARGET eigengrad::io)
  list(FILTER headers EXCLUDE REGEX "^eigengrad/io/")
endif()

set(units "")
foreach(header IN LISTS headers)
  set(unit "${CMAKE_CURRENT_BINARY_DIR}/headers/${header}.cpp")
  # Twice, so that a forgotten #pragma once is seen too.
  file(CONFIGURE OUTPUT "${unit}" CONTENT "#include <@header@>\n#include <@header@>\n" @ONLY)
  list(APPEND units "${unit}")
endforeach()
add_library(eigengrad_headers OBJECT ${units})
target_link_libraries(eigengrad_headers PRIVATE eigengrad::eigengrad $<TARGET_NAME_IF_EXISTS:eigengrad::io>)
target_compile_options(eigengrad_headers PRIVATE -O0 -g0 -Wall -Wextra -Wconversion -Wshadow -Werror)

if(EXISTS "${include_dir}/eigengrad/eigengrad.hpp")
  add_executable(two_units packaging/two_units/first.cpp packaging/two_units/second.cpp)
  target_link_libraries(two_units PRIVATE eigengrad::eigengrad)
  target_compile_options(two_units PRIVATE -O0)
  add_test(NAME headers.two_units COMMAND two_units)
endif()
