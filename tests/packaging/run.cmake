# Runs one packaging test: cmake -D CASE=<name> ... -P run.cmake (packaging.cmake gives the rest).
cmake_minimum_required(VERSION 3.22)
set(prefix "${WORK_DIR}/moved")
set(two_units "${SOURCE_DIR}/tests/packaging/two_units")
set(consumer "${SOURCE_DIR}/tests/packaging/consumer")
set(program "${consumer}/main.cpp")
set(example "${SOURCE_DIR}/examples/xor.cpp")
if(NOT EXISTS "${SOURCE_DIR}/include/eigengrad/eigengrad.hpp")
  set(program "${consumer}/version.cpp")
endif()
if(NOT EXISTS "${example}")
  set(example "${program}")
endif()
set(strict -std=c++20 -O0 -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror)

# run(<commands...> [FAILS_WITH regex])  ->  output; stops the test when the outcome is another one
function(run)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "FAILS_WITH" "")
  execute_process(COMMAND ${arg_UNPARSED_ARGUMENTS} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  list(JOIN arg_UNPARSED_ARGUMENTS " " command)
  string(REGEX REPLACE "[ \n]+" " " flat "${out}")  # CMake wraps its messages
  if(DEFINED arg_FAILS_WITH AND (status EQUAL 0 OR NOT flat MATCHES "${arg_FAILS_WITH}"))
    message(FATAL_ERROR "${CASE}: should have failed with '${arg_FAILS_WITH}':\n  ${command}\n(status ${status})\n${out}")
  elseif(NOT DEFINED arg_FAILS_WITH AND NOT status EQUAL 0)
    message(FATAL_ERROR "${CASE}: failed (status ${status}):\n  ${command}\n${out}")
  endif()
  set(output "${out}" PARENT_SCOPE)
endfunction()

# The command that configures the consumer's project in an empty folder.
set(build "${WORK_DIR}/${CASE}")
set(configure ${CMAKE_COMMAND} -S ${consumer} -B ${build} -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${COMPILER}
  -D CMAKE_CXX_FLAGS=-O0 -D SOURCE=${program} -D EIGENGRAD_SOURCE=${SOURCE_DIR} -D Eigen3_DIR=${Eigen3_DIR}
  -D EIGENGRAD_EIGEN_INCLUDE_DIR=${EIGEN_INCLUDE_DIR} -D CMAKE_PREFIX_PATH=${prefix})
if(NOT CASE STREQUAL "install")
  file(REMOVE_RECURSE "${build}")
  file(MAKE_DIRECTORY "${build}")
endif()

# Two units that share what every unit does, and take little time to compile.
function(write_small_units)
  set(tensor "eigengrad::Tensor<float>")
  set(start "#include <eigengrad/core/tensor.hpp>\n${tensor} doubled(const ${tensor}& x)")
  file(WRITE "${build}/first.cpp" "${start};\nint main() { return doubled({1.f, 2.f})(1) == 4 ? 0 : 1; }\n")
  file(WRITE "${build}/second.cpp" "${start} { return {2 * x(0), 2 * x(1)}; }\n")
endfunction()

macro(build_and_run)
  run(${CMAKE_COMMAND} --build ${build})
  run(${build}/consumer)
  message(STATUS "${output}")
endmacro()

# The shipped data sets are found, in `place`, from another folder than that of the build.
macro(build_and_run_data place)
  run(${CMAKE_COMMAND} --build ${build})
  run(${CMAKE_COMMAND} -E chdir / ${CMAKE_COMMAND} -E env --unset=EIGENGRAD_DATA_DIR ${build}/consumer)
  require_place("${place}")
endmacro()
function(require_place place)
  string(REGEX REPLACE "^in |\n$" "" folder "${output}")
  get_filename_component(folder "${folder}" REALPATH)
  get_filename_component(wanted "${place}" REALPATH)
  if(NOT folder STREQUAL wanted)
    message(FATAL_ERROR "${CASE}: the data are in ${wanted}, but were found in ${folder}")
  endif()
endfunction()

if(CASE STREQUAL "install")
  set(stage "${WORK_DIR}/stage")
  file(REMOVE_RECURSE "${stage}" "${prefix}")
  run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${stage})
  file(RENAME "${stage}" "${prefix}")
  file(GLOB_RECURSE files "${prefix}/*.cmake" "${prefix}/*.pc")
  foreach(file IN LISTS files)
    file(READ "${file}" text)
    foreach(place "${stage}" "${SOURCE_DIR}" "${BUILD_DIR}")
      string(FIND "${text}" "${place}/" at)
      if(NOT at EQUAL -1)
        message(FATAL_ERROR "${file} names ${place}, so the installed tree cannot be moved")
      endif()
    endforeach()
  endforeach()

elseif(CASE STREQUAL "find_package")
  run(${configure} -D WAY=find_package -D WANTED_VERSION=0.1 -D SOURCE=${example})
  build_and_run()

elseif(CASE MATCHES "^(add_subdirectory|fetch_content)$")
  # With warnings of which our headers are full: they are another project's.
  run(${configure} -D WAY=${CASE} "-D CMAKE_CXX_FLAGS=-O0 -Wall -Wextra -Wfloat-equal -Wswitch-enum -Werror")
  build_and_run()

elseif(CASE STREQUAL "data")
  # 72: way, and whether the target eigengrad::data is linked. (plain_include and pkg_config load them too.)
  foreach(try find_package: find_package:data add_subdirectory: fetch_content:data)
    string(REGEX MATCH "^(.*):(.*)$" try "${try}")
    set(place "${SOURCE_DIR}/data")
    if(CMAKE_MATCH_1 STREQUAL "find_package")
      set(place "${prefix}/share/eigengrad/data")
    endif()
    file(REMOVE_RECURSE "${build}")
    run(${configure} -D WAY=${CMAKE_MATCH_1} -D SOURCE=${consumer}/data.cpp -D WANTED_COMPONENTS=${CMAKE_MATCH_2})
    build_and_run_data("${place}")
  endforeach()

elseif(CASE STREQUAL "compiled")
  # From a folder it is built on demand; a build with it installs it, and the moved tree is found.
  run(${configure} -D WAY=add_subdirectory -D WANTED_COMPONENTS=compiled)
  build_and_run()
  set(with_compiled "${build}/library")
  run(${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${with_compiled} -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${COMPILER}
    -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_FLAGS=-O0 -D EIGENGRAD_BUILD_COMPILED=ON -D EIGENGRAD_BUILD_TESTS=OFF
    -D EIGENGRAD_BUILD_EXAMPLES=OFF -D EIGENGRAD_BUILD_BENCHMARKS=OFF -D Eigen3_DIR=${Eigen3_DIR}
    -D EIGENGRAD_EIGEN_INCLUDE_DIR=${EIGEN_INCLUDE_DIR})
  run(${CMAKE_COMMAND} --build ${with_compiled})
  run(${CMAKE_COMMAND} --install ${with_compiled} --prefix ${build}/stage)
  file(RENAME "${build}/stage" "${build}/moved")
  file(REMOVE "${build}/CMakeCache.txt")
  run(${configure} -D WAY=find_package -D WANTED_COMPONENTS=compiled -D CMAKE_PREFIX_PATH=${build}/moved)
  build_and_run()

elseif(CASE STREQUAL "io_component")
  set(without_zlib -D CMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON)
  run(${configure} -D WAY=find_package -D WANTED_COMPONENTS=viz ${without_zlib})
  run(${configure} -D WAY=find_package -D WANTED_COMPONENTS=music FAILS_WITH "no component music")
  run(${configure} -D WAY=find_package -D WANTED_COMPONENTS=io ${without_zlib} FAILS_WITH "component io needs zlib.*zlib1g-dev")
  if(HAVE_IO)
    run(${configure} -D WAY=find_package -D WANTED_COMPONENTS=io -D CMAKE_DISABLE_FIND_PACKAGE_ZLIB=OFF)
  endif()
  run(${configure} -D WAY=find_package -D WANTED_COMPONENTS=safetensors -D CMAKE_IGNORE_PATH=/usr/include
    FAILS_WITH "component safetensors needs.*RapidJSON.*rapidjson-dev")

elseif(CASE STREQUAL "threads_component")
  run(${configure} -D WAY=find_package -D WANTED_COMPONENTS=threads)
  build_and_run()

elseif(CASE STREQUAL "product_components")
  run(${configure} -D WAY=find_package -D WANTED_COMPONENTS=blas -D CMAKE_DISABLE_FIND_PACKAGE_BLAS=ON
    FAILS_WITH "component blas needs a BLAS.*libopenblas-dev")
  run(${configure} -D WAY=find_package -D WANTED_COMPONENTS=onednn -D CMAKE_DISABLE_FIND_PACKAGE_dnnl=ON
    FAILS_WITH "component onednn needs oneDNN.*libdnnl-dev")
  foreach(component IN LISTS HAVE_PRODUCTS)
    run(${configure} -D WAY=find_package -D WANTED_COMPONENTS=${component} -D CMAKE_DISABLE_FIND_PACKAGE_BLAS=OFF
      -D CMAKE_DISABLE_FIND_PACKAGE_dnnl=OFF)
    build_and_run()
  endforeach()

elseif(CASE STREQUAL "wrong_version")
  run(${configure} -D WAY=find_package -D WANTED_VERSION=0.2 FAILS_WITH "compatible with requested version \"0.2\"")

elseif(CASE STREQUAL "missing_eigen")
  run(${configure} -D WAY=find_package -D EIGENGRAD_EIGEN_INCLUDE_DIR= -D CMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON
    FAILS_WITH "eigengrad needs Eigen 3.4.0 or newer, which was not found. Install it")

elseif(CASE STREQUAL "old_eigen")
  file(WRITE "${build}/old/Eigen/src/Core/util/Macros.h"
    "#define EIGEN_WORLD_VERSION 3\n#define EIGEN_MAJOR_VERSION 3\n#define EIGEN_MINOR_VERSION 9\n")
  run(${configure} -D WAY=find_package -D EIGENGRAD_EIGEN_INCLUDE_DIR=${build}/old
    FAILS_WITH "eigengrad needs Eigen 3.4.0 or newer, but found 3.3.9")

elseif(CASE STREQUAL "pkg_config")
  find_program(pkg_config NAMES pkg-config pkgconf)
  if(NOT pkg_config OR EIGEN_INCLUDE_DIR)
    message(STATUS "skipped: needs pkg-config and an installed Eigen")
    return()
  endif()
  set(ENV{PKG_CONFIG_PATH} "${prefix}/share/pkgconfig:$ENV{PKG_CONFIG_PATH}")
  run(${pkg_config} --cflags "eigengrad >= 0.1")
  separate_arguments(flags UNIX_COMMAND "${output}")
  run(${COMPILER} -std=c++20 -O0 ${flags} ${program} -o ${build}/consumer)
  run(${build}/consumer)
  run(${COMPILER} -std=c++20 -O0 ${flags} ${consumer}/data.cpp -o ${build}/consumer)
  run(${CMAKE_COMMAND} -E chdir / ${CMAKE_COMMAND} -E env --unset=EIGENGRAD_DATA_DIR ${build}/consumer)
  require_place("${prefix}/share/eigengrad/data")

elseif(CASE STREQUAL "plain_include")
  run(${COMPILER} ${strict} -I${SOURCE_DIR}/include -isystem ${EIGEN_DIR} ${program} -o ${build}/consumer)
  run(${build}/consumer)
  run(${COMPILER} ${strict} -I${SOURCE_DIR}/include -isystem ${EIGEN_DIR} ${consumer}/data.cpp -o ${build}/consumer)
  run(${CMAKE_COMMAND} -E chdir / ${CMAKE_COMMAND} -E env --unset=EIGENGRAD_DATA_DIR ${build}/consumer)
  require_place("${SOURCE_DIR}/data")

elseif(CASE STREQUAL "abi_mismatch")
  # Two objects built differently must not link.
  write_small_units()
  set(compile ${COMPILER} -std=c++20 -O0 -I${SOURCE_DIR}/include -isystem ${EIGEN_DIR} -c)
  run(${compile} ${build}/first.cpp -o ${build}/first.o)
  set(others -DEIGEN_MAX_ALIGN_BYTES=0 -DEIGENGRAD_USE_THREADS -DEIGENGRAD_USE_BLAS -D_GLIBCXX_DEBUG
    -D_GLIBCXX_USE_CXX11_ABI=0 -fsanitize=address)
  execute_process(COMMAND ${COMPILER} -mfma -dM -E -x c++ /dev/null OUTPUT_VARIABLE macros ERROR_QUIET)
  if(macros MATCHES "__FMA__")
    list(APPEND others -mavx -march=haswell)
    run(${compile} -mavx ${build}/first.cpp -o ${build}/avx.o)  # as wide as the next, without fused products
    run(${compile} -march=haswell ${build}/second.cpp -o ${build}/haswell.o)
    run(${COMPILER} ${build}/avx.o ${build}/haswell.o -o ${build}/mixed
      FAILS_WITH "undefined (reference|symbol).*doubled")
  endif()
  foreach(other IN LISTS others)
    run(${compile} ${build}/second.cpp -o ${build}/second.o ${other})
    run(${COMPILER} ${build}/first.o ${build}/second.o -o ${build}/mixed
      FAILS_WITH "undefined (reference|symbol).*doubled")
  endforeach()

elseif(CASE STREQUAL "plugin")
  # A program that exports nothing and a library that it opens, with default visibility, and with all hidden and threads.
  set(plain -std=c++20 -O0 -I${SOURCE_DIR}/include -isystem ${EIGEN_DIR})
  set(hidden ${plain} -fvisibility=hidden -fvisibility-inlines-hidden -DEIGENGRAD_USE_THREADS -pthread -Wl,--gc-sections)
  set(plugin ${SOURCE_DIR}/tests/packaging/plugin)
  set(compilers ${COMPILER})
  find_program(clang NAMES clang++)
  if(clang AND NOT clang STREQUAL COMPILER)
    list(APPEND compilers ${clang})
  endif()
  set(number 0)
  foreach(compiler IN LISTS compilers)
    math(EXPR number "${number} + 1")
    run(${compiler} ${hidden} ${plugin}/host.cpp -o ${build}/hidden${number} -ldl)
    run(${compiler} ${hidden} -fPIC -shared ${plugin}/plugin.cpp -o ${build}/hidden${number}.so)
    run(${build}/hidden${number} ${build}/hidden${number}.so)
  endforeach()
  if(number EQUAL 2)
    run(${build}/hidden1 ${build}/hidden2.so)
  endif()
  run(${COMPILER} ${plain} ${plugin}/host.cpp -o ${build}/plain -ldl)
  run(${COMPILER} ${plain} -fPIC -shared ${plugin}/plugin.cpp -o ${build}/plain.so)
  run(${build}/plain ${build}/plain.so)

elseif(CASE STREQUAL "float_flags")
  # Under flags that loosen the rules of floating-point arithmetic the mathematics is right, or refused by a sentence.
  set(compile ${COMPILER} -std=c++20 -O2 -Wfatal-errors -I${SOURCE_DIR}/include -isystem ${EIGEN_DIR}
    ${SOURCE_DIR}/tests/packaging/float_flags/main.cpp -o ${build}/program)
  file(WRITE "${build}/empty.cpp" "#include <vector>\nint main() {}\n")
  set(right "-O1" "-O3" "-fno-math-errno" "-fno-trapping-math" "-frounding-math" "-ffp-contract=off" "-fassociative-math"
    "-march=native" "-march=native -ffp-contract=off" "-m32 -msse2 -mfpmath=sse")
  set(refused "-ffast-math" "-Ofast" "-ffast-math -DEIGENGRAD_ALLOW_FAST_MATH" "-ffast-math -fno-finite-math-only"
    "-ffast-math -march=native" "-funsafe-math-optimizations" "-fassociative-math -fno-signed-zeros -fno-trapping-math"
    "-freciprocal-math" "-fno-signed-zeros" "-ffinite-math-only" "-fno-honor-nans" "-ffp-model=fast"
    "-fsingle-precision-constant" "-m32 -mfpmath=387")
  foreach(flags IN LISTS right refused)
    if(ONLY AND NOT flags MATCHES "${ONLY}")
      continue()
    endif()
    separate_arguments(list UNIX_COMMAND "${flags}")
    execute_process(COMMAND ${COMPILER} ${list} ${build}/empty.cpp -o ${build}/program
      RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE out)
    if(NOT status EQUAL 0 OR out MATCHES "(unused|unsupported|not supported)")
      message(STATUS "skipped: ${COMPILER} has no ${flags}, or not the libraries for it")
      continue()
    endif()
    execute_process(COMMAND ${compile} ${list} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
    if(status EQUAL 0)
      execute_process(COMMAND ${build}/program RESULT_VARIABLE status OUTPUT_VARIABLE out)
    elseif(out MATCHES "eigengrad (promises|needs)[^\n]*: (drop the flag|compile with)")
      set(out "refused when compiled")
      set(status 0)
    endif()
    if(NOT status EQUAL 0 OR (flags IN_LIST right AND NOT out MATCHES "^right") OR
       (flags IN_LIST refused AND NOT out MATCHES "^refused( when compiled|: eigengrad: part of this program)"))
      message(FATAL_ERROR "${COMPILER} ${flags}: status ${status}\n${out}")
    endif()
    string(REGEX REPLACE "[:\n].*" "" out "${out}")
    message(STATUS "${COMPILER} ${flags}: ${out}")
  endforeach()
  # A program is refused for one unit, also when the linker takes all that they share from the other.
  execute_process(COMMAND ${COMPILER} -funsafe-math-optimizations -dM -E -x c++ /dev/null OUTPUT_VARIABLE macros)
  if(NOT macros MATCHES "__ASSOCIATIVE_MATH__")
    set(compile ${COMPILER} -std=c++20 -O1 -I${SOURCE_DIR}/include -isystem ${EIGEN_DIR} -c)
    write_small_units()
    run(${compile} ${build}/first.cpp -o ${build}/first.o)
    run(${compile} ${build}/second.cpp -o ${build}/second.o -funsafe-math-optimizations)
    run(${COMPILER} ${build}/first.o ${build}/second.o -o ${build}/program)
    run(${build}/program FAILS_WITH "part of this program was compiled with -funsafe-math-optimizations")
  endif()

elseif(CASE MATCHES "^(no_exceptions|no_rtti)$")
  set(compile ${COMPILER} ${strict} -fsyntax-only -I${SOURCE_DIR}/include -isystem ${EIGEN_DIR} ${program})
  if(CASE STREQUAL "no_exceptions")
    run(${compile} -fno-exceptions FAILS_WITH "compile without -fno-exceptions")
  else()
    run(${compile} -fno-rtti)
  endif()

else()
  message(FATAL_ERROR "There is no packaging test ${CASE}.")
endif()
