# The ways to use the library, each tried from a project outside this one. Programs are built at -O0 to save time.
set(packaging_dir "${CMAKE_CURRENT_SOURCE_DIR}/packaging")
set(packaging_work "${CMAKE_CURRENT_BINARY_DIR}/packaging")
get_target_property(packaging_eigen_dir Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)

set(packaging_products "")
foreach(component blas onednn)
  if(TARGET eigengrad::${component})
    list(APPEND packaging_products ${component})
  endif()
endforeach()

function(packaging_test name)
  add_test(NAME packaging.${name}
    COMMAND ${CMAKE_COMMAND} -D CASE=${name} -D SOURCE_DIR=${PROJECT_SOURCE_DIR} -D BUILD_DIR=${PROJECT_BINARY_DIR}
            -D WORK_DIR=${packaging_work} -D GENERATOR=${CMAKE_GENERATOR} -D COMPILER=${CMAKE_CXX_COMPILER}
            -D EIGEN_DIR=${packaging_eigen_dir} -D Eigen3_DIR=${Eigen3_DIR} -D HAVE_IO=$<TARGET_EXISTS:eigengrad::io>
            -D "HAVE_PRODUCTS=${packaging_products}"
            -D EIGEN_INCLUDE_DIR=${EIGENGRAD_EIGEN_INCLUDE_DIR} -P ${packaging_dir}/run.cmake)
  set_tests_properties(packaging.${name} PROPERTIES LABELS packaging TIMEOUT 300 ${ARGN})
endfunction()

if(EIGENGRAD_INSTALL)
  packaging_test(install FIXTURES_SETUP installed)
  foreach(case find_package data io_component threads_component product_components wrong_version missing_eigen old_eigen pkg_config)
    packaging_test(${case} FIXTURES_REQUIRED installed SKIP_REGULAR_EXPRESSION "skipped: ")
  endforeach()
endif()
foreach(case add_subdirectory fetch_content plain_include compiled)
  packaging_test(${case})
endforeach()
if(EXISTS "${PROJECT_SOURCE_DIR}/include/eigengrad/eigengrad.hpp")
  foreach(case abi_mismatch float_flags no_exceptions no_rtti)
    packaging_test(${case})
  endforeach()
  if(UNIX AND NOT APPLE)
    packaging_test(plugin)
  endif()
endif()

# What the compilers say about mistakes.
if(EXISTS "${PROJECT_SOURCE_DIR}/include/eigengrad/eigengrad.hpp")
  foreach(compiler g++ clang++)
    find_program(packaging_${compiler} ${compiler})
    if(packaging_${compiler})
      add_test(NAME packaging.messages_of_${compiler}
        COMMAND ${CMAKE_COMMAND} -D COMPILER=${packaging_${compiler}} -D SOURCE_DIR=${PROJECT_SOURCE_DIR}
                -D EIGEN_DIR=${packaging_eigen_dir} -P ${packaging_dir}/messages/messages.cmake)
      set_tests_properties(packaging.messages_of_${compiler} PROPERTIES LABELS packaging TIMEOUT 900)
    endif()
  endforeach()
endif()
