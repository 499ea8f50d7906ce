# cmake -D PROJECT_DIR=<the project> -P docs.cmake
# Fails when the documentation's code is not the code that is compiled and tested, when the quick reference leaves a header
# out, or when a link leads nowhere. Prints what to mend.
cmake_minimum_required(VERSION 3.22)
set(problems "")
# CMake splits at semicolons and reads brackets in lists: both are replaced before a text is taken apart.
function(read_text path result)
  file(READ "${PROJECT_DIR}/${path}" text)
  string(REPLACE ";" "<semicolon>" text "${text}")
  string(REPLACE "[" "<open>" text "${text}")
  string(REPLACE "]" "<close>" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

# README: the block is the whole of examples/xor.cpp.
read_text(README.md readme)
read_text(examples/xor.cpp program)
string(FIND "${readme}" "```cpp\n${program}```" place)
if(place EQUAL -1)
  string(APPEND problems "README.md: the XOR program is not examples/xor.cpp: copy the file into the block\n")
endif()

# The answer below it is what the example is tested to print.
file(READ "${PROJECT_DIR}/README.md" readme)
file(STRINGS "${PROJECT_DIR}/examples/xor.answer" answer REGEX "^// Answer: ")
string(REGEX REPLACE "^// Answer: " "" answer "${answer}")
if(NOT readme MATCHES "${answer}")
  string(APPEND problems "README.md: the answer is not that of examples/xor.answer: copy what the program prints\n")
endif()

# add_an_operation.md: every C++ block stands in a file that is compiled.
read_text(docs/add_an_operation.md page)
read_text(tests/docs/recipes.cpp recipes)
read_text(examples/custom_operation.cpp example)
string(REGEX MATCHALL "```cpp\n[^`]*```" blocks "${page}")
list(LENGTH blocks count)
if(count LESS 10)
  string(APPEND problems "docs/add_an_operation.md: only ${count} blocks of C++ were found\n")
endif()
foreach(block IN LISTS blocks)
  string(REGEX REPLACE "^```cpp\n" "" block "${block}")
  string(REGEX REPLACE "```$" "" block "${block}")
  string(FIND "${recipes}" "${block}" in_recipes)
  string(FIND "${example}" "${block}" in_example)
  if(in_recipes EQUAL -1 AND in_example EQUAL -1)
    string(APPEND problems "docs/add_an_operation.md: this block is neither in tests/docs/recipes.cpp nor in "
      "examples/custom_operation.cpp:\n${block}\n")
  endif()
endforeach()

# quick_reference.md: every header is there.
read_text(docs/quick_reference.md reference)
file(GLOB_RECURSE headers RELATIVE "${PROJECT_DIR}/include/eigengrad" "${PROJECT_DIR}/include/eigengrad/*.hpp")
foreach(header IN LISTS headers)
  string(FIND "${reference}" "`${header}`" place)
  if(place EQUAL -1)
    string(APPEND problems "docs/quick_reference.md: say what `${header}` offers\n")
  endif()
endforeach()

# Links and pictures lead to files.
file(GLOB pages RELATIVE "${PROJECT_DIR}" "${PROJECT_DIR}/*.md" "${PROJECT_DIR}/docs/*.md" "${PROJECT_DIR}/data/*.md")
foreach(page IN LISTS pages)
  read_text("${page}" text)
  get_filename_component(folder "${PROJECT_DIR}/${page}" DIRECTORY)
  string(REGEX MATCHALL "<close>[(][^)]*[)]" links "${text}")
  foreach(link IN LISTS links)
    string(REGEX REPLACE "^<close>[(]([^)#]*).*$" "\\1" link "${link}")
    if(link AND NOT link MATCHES "^[a-z]+:|^[&]|, | " AND NOT EXISTS "${folder}/${link}")
      string(APPEND problems "${page}: the link to '${link}' leads nowhere\n")
    endif()
  endforeach()
endforeach()

if(problems)
  string(REPLACE "<semicolon>" ";" problems "${problems}")
  string(REPLACE "<open>" "[" problems "${problems}")
  string(REPLACE "<close>" "]" problems "${problems}")
  message(FATAL_ERROR "${problems}")
endif()
