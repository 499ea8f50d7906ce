# 62: every header compiles alone, and the umbrella header links from two units. Building is the test.
set(include_dir "${PROJECT_SOURCE_DIR}/include")
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${include_dir}" "${include_dir}/eigengrad/*.hpp")
if(NOT TARGET eigengrad::io)
  list(FILTER headers EXCLUDE REGEX "(gzip|_gz|fashion_mnist|npz|zip_writer)[.]hpp$")
endif()
if(NOT TARGET eigengrad::safetensors)
  list(FILTER headers EXCLUDE REGEX "safetensors[a-z_]*[.]hpp$")
endif()

# Where the budgets are measured, that compiles each alone already.
if(NOT eigengrad_measures_budgets)
  set(units "")
  foreach(header IN LISTS headers)
    set(unit "${CMAKE_CURRENT_BINARY_DIR}/headers/${header}.cpp")
    # Twice, so that a forgotten #pragma once is seen too.
    file(CONFIGURE OUTPUT "${unit}" CONTENT "#include <@header@>\n#include <@header@>\n" @ONLY)
    list(APPEND units "${unit}")
  endforeach()
  add_library(eigengrad_headers OBJECT ${units})
  target_link_libraries(eigengrad_headers PRIVATE eigengrad::eigengrad $<TARGET_NAME_IF_EXISTS:eigengrad::io>
    $<TARGET_NAME_IF_EXISTS:eigengrad::safetensors>)
  target_compile_options(eigengrad_headers PRIVATE -O0 -g0 -Wall -Wextra -Wconversion -Wshadow -Werror)
endif()

if(EXISTS "${include_dir}/eigengrad/eigengrad.hpp")
  add_executable(two_units packaging/two_units/first.cpp packaging/two_units/second.cpp)
  target_link_libraries(two_units PRIVATE eigengrad::eigengrad)
  target_compile_options(two_units PRIVATE -O0)
  add_test(NAME headers.two_units COMMAND two_units)
endif()

# 73: every header compiles after the macros of other libraries, and so does a program. What Eigen and the standard library
# have of these names stands before the macros: only ours is tested.
set(standard_headers "")
set(lines_of_ours "")
foreach(header IN LISTS headers)
  file(STRINGS "${include_dir}/${header}" lines REGEX "^ *# *include <")
  list(APPEND standard_headers ${lines})
  string(APPEND lines_of_ours "#include <${header}>\n")
endforeach()
list(REMOVE_DUPLICATES standard_headers)
set(lines_of_others "")
foreach(line IN LISTS standard_headers)
  string(REGEX REPLACE ".*<(.*)>.*" "\\1" other "${line}")
  string(APPEND lines_of_others "#if __has_include(<${other}>)\n#include <${other}>\n#endif\n")
endforeach()
set(unit "${CMAKE_CURRENT_BINARY_DIR}/headers/after_macros.cpp")
set(macros "${CMAKE_CURRENT_SOURCE_DIR}/packaging/macros/macros.hpp")
set(program "${CMAKE_CURRENT_SOURCE_DIR}/packaging/consumer/main.cpp")
file(CONFIGURE OUTPUT "${unit}" @ONLY
  CONTENT "@lines_of_others@#include \"@macros@\"\n@lines_of_ours@#include \"@program@\"\n")
add_executable(after_macros "${unit}")
target_link_libraries(after_macros PRIVATE eigengrad::eigengrad $<TARGET_NAME_IF_EXISTS:eigengrad::io>
    $<TARGET_NAME_IF_EXISTS:eigengrad::safetensors>)
target_compile_options(after_macros PRIVATE -O0 -g0)
add_test(NAME headers.after_macros COMMAND after_macros)
