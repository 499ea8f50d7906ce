# What users link. eigengrad::eigengrad carries includes, C++20 and Eigen, and nothing else.
include(GNUInstallDirs)

# eigengrad_target(<name> [LINK targets...])  ->  interface target eigengrad::<name>
function(eigengrad_target name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINK")
  set(target eigengrad_${name})
  if(name STREQUAL "eigengrad")
    set(target eigengrad)
  endif()
  add_library(${target} INTERFACE)
  add_library(eigengrad::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(${target} INTERFACE ${arg_LINK})
endfunction()

eigengrad_target(eigengrad LINK Eigen3::Eigen)
target_compile_features(eigengrad INTERFACE cxx_std_20)
# Another project's warnings are not about our headers; our own are.
set(system "")
if(NOT PROJECT_IS_TOP_LEVEL)
  set(system SYSTEM)
endif()
target_include_directories(eigengrad ${system} INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

eigengrad_target(native LINK eigengrad)
target_compile_options(eigengrad_native INTERFACE $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-march=native>)

eigengrad_target(viz LINK eigengrad)

# Says where the shipped data sets are. Without it they are found beside the headers, in the default layout.
eigengrad_target(data LINK eigengrad)
target_compile_definitions(eigengrad_data INTERFACE
  EIGENGRAD_DATA_DIR="$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/data>$<INSTALL_INTERFACE:$<INSTALL_PREFIX>/${CMAKE_INSTALL_DATADIR}/eigengrad/data>")

if(ZLIB_FOUND)
  eigengrad_target(io LINK eigengrad ZLIB::ZLIB)
endif()
if(EIGENGRAD_RAPIDJSON_INCLUDE_DIR)
  eigengrad_target(safetensors LINK eigengrad)
  target_include_directories(eigengrad_safetensors SYSTEM INTERFACE
    $<BUILD_INTERFACE:${EIGENGRAD_RAPIDJSON_INCLUDE_DIR}>)  # installed, it is looked for again
endif()

# What most programs need of the templates for float and double, compiled once. Built where somebody links it, or with
# EIGENGRAD_BUILD_COMPILED; by the same flags as what links it, else it does not link.
add_library(eigengrad_compiled STATIC "${PROJECT_SOURCE_DIR}/src/compiled.cpp")
add_library(eigengrad::compiled ALIAS eigengrad_compiled)
set_target_properties(eigengrad_compiled PROPERTIES EXPORT_NAME compiled)
target_link_libraries(eigengrad_compiled PUBLIC eigengrad)
target_compile_definitions(eigengrad_compiled INTERFACE EIGENGRAD_COMPILED)
if(NOT EIGENGRAD_BUILD_COMPILED)
  set_target_properties(eigengrad_compiled PROPERTIES EXCLUDE_FROM_ALL ON)
endif()

# The same for the time in which a program is written: formulas are evaluated by blocks, through kernels that are
# compiled here, which takes the program a fraction of the time to compile and runs slower.
add_library(eigengrad_development STATIC "${PROJECT_SOURCE_DIR}/src/compiled.cpp")
add_library(eigengrad::development ALIAS eigengrad_development)
set_target_properties(eigengrad_development PROPERTIES EXPORT_NAME development)
target_link_libraries(eigengrad_development PUBLIC eigengrad)
target_compile_definitions(eigengrad_development PUBLIC EIGENGRAD_DEVELOPMENT INTERFACE EIGENGRAD_COMPILED)
if(NOT EIGENGRAD_BUILD_DEVELOPMENT)
  set_target_properties(eigengrad_development PROPERTIES EXCLUDE_FROM_ALL ON)
endif()

# Large works on several threads.
if(Threads_FOUND)
  eigengrad_target(threads LINK eigengrad Threads::Threads)
  target_compile_definitions(eigengrad_threads INTERFACE EIGENGRAD_USE_THREADS)
endif()

# Large matrix products by another library, for those who ask.
if(BLAS_FOUND)
  eigengrad_target(blas LINK eigengrad BLAS::BLAS)
  target_compile_definitions(eigengrad_blas INTERFACE EIGENGRAD_USE_BLAS)
endif()
if(TARGET DNNL::dnnl)
  eigengrad_target(onednn LINK eigengrad DNNL::dnnl)
  target_compile_definitions(eigengrad_onednn INTERFACE EIGENGRAD_USE_ONEDNN)
endif()
