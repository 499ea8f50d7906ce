# How our own tests, examples and benchmarks are compiled. Nothing here reaches users.
add_library(eigengrad_build_settings INTERFACE)
target_link_libraries(eigengrad_build_settings INTERFACE
  $<IF:$<BOOL:${EIGENGRAD_NATIVE}>,eigengrad::native,eigengrad::eigengrad>)
if(EIGENGRAD_THREADS)
  target_link_libraries(eigengrad_build_settings INTERFACE eigengrad::threads)
endif()
if(NOT EIGENGRAD_PRODUCT_BACKEND STREQUAL "own")
  if(NOT TARGET eigengrad::${EIGENGRAD_PRODUCT_BACKEND})
    message(FATAL_ERROR "eigengrad: EIGENGRAD_PRODUCT_BACKEND is ${EIGENGRAD_PRODUCT_BACKEND}, which was not found; say own, blas (Debian, "
      "Ubuntu: apt-get install libopenblas-dev) or onednn (libdnnl-dev).")
  endif()
  target_link_libraries(eigengrad_build_settings INTERFACE eigengrad::${EIGENGRAD_PRODUCT_BACKEND})
endif()

if(NOT MSVC)
  target_compile_options(eigengrad_build_settings INTERFACE -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow
    $<$<CXX_COMPILER_ID:GNU>:-Wuseless-cast>
    $<$<BOOL:${EIGENGRAD_WARNINGS_AS_ERRORS}>:-Werror>)
  if(EIGENGRAD_NATIVE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 wrongly reports its own AVX-512 intrinsics (GCC bug 105593). The dev preset keeps the warning.
    target_compile_options(eigengrad_build_settings INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
endif()

if(EIGENGRAD_SANITIZE)
  list(JOIN EIGENGRAD_SANITIZE "," sanitizers)
  target_compile_options(eigengrad_build_settings INTERFACE
    -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if("address" IN_LIST EIGENGRAD_SANITIZE)
    # AddressSanitizer meets a null pointer itself. These checks, made at every access, and at every call by clang's
    # `function`, take half of the compile time; the fuzz targets and the compiler matrix run with them.
    target_compile_options(eigengrad_build_settings INTERFACE -fno-sanitize=null,alignment,vptr,object-size
      $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
  endif()
  target_link_options(eigengrad_build_settings INTERFACE -fsanitize=${sanitizers})
endif()

# For every test: sanitizers stop at the first finding and look for leaks; more memory than there is is an error of ours.
set(EIGENGRAD_TEST_ENVIRONMENT
  "ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1:check_initialization_order=1:strict_string_checks=1"
  "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1")

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(EIGENGRAD_CCACHE ccache)
  if(EIGENGRAD_CCACHE)
    # Paths relative to the checkout, so that all checkouts share what is kept; without the sloppiness nothing that
    # uses a precompiled header is kept.
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}"
      "CCACHE_SLOPPINESS=pch_defines,time_macros" "${EIGENGRAD_CCACHE}")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
    endif()
  endif()
endif()
