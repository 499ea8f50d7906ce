# Installs the headers, the CMake package (share/cmake/eigengrad) and the pkg-config file; all of it may be moved afterwards.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/eigengrad")
set(pkgconfig_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/eigengrad" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.hpp")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/data" DESTINATION "${CMAKE_INSTALL_DATADIR}/eigengrad"
  FILES_MATCHING PATTERN "*.csv" PATTERN "*.txt" PATTERN "README.md")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(TARGETS eigengrad eigengrad_native eigengrad_viz eigengrad_data EXPORT eigengrad_targets)
install(EXPORT eigengrad_targets FILE eigengrad-targets.cmake NAMESPACE eigengrad:: DESTINATION "${package_dir}")
# Each in a file of its own, so that what it needs is looked for only when the component is asked for.
foreach(component io safetensors threads blas onednn compiled development)
  if(TARGET eigengrad_${component} AND (EIGENGRAD_BUILD_COMPILED OR NOT component STREQUAL "compiled")
     AND (EIGENGRAD_BUILD_DEVELOPMENT OR NOT component STREQUAL "development"))
    install(TARGETS eigengrad_${component} EXPORT eigengrad_${component}_targets
      ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT eigengrad_${component}_targets FILE eigengrad-${component}-targets.cmake NAMESPACE eigengrad::
      DESTINATION "${package_dir}")
  endif()
endforeach()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/eigengrad-config.cmake.in"
  "${PROJECT_BINARY_DIR}/eigengrad-config.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/eigengrad-config-version.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/eigengrad-config.cmake" "${PROJECT_BINARY_DIR}/eigengrad-config-version.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/eigengrad_find_eigen.cmake" DESTINATION "${package_dir}")

# Relative to the .pc file itself, so that the tree may be moved; an absolute include folder is taken as it is.
file(RELATIVE_PATH pkgconfig_to_prefix "/prefix/${pkgconfig_dir}" "/prefix")
string(REGEX REPLACE "/$" "" pkgconfig_to_prefix "${pkgconfig_to_prefix}")
set(pkgconfig_include_dir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(pkgconfig_include_dir "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file("${PROJECT_SOURCE_DIR}/eigengrad.pc.in" "${PROJECT_BINARY_DIR}/eigengrad.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/eigengrad.pc" DESTINATION "${pkgconfig_dir}")
