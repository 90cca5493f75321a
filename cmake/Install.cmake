# SPDX-License-Identifier: Apache-2.0
include(CMakePackageConfigHelpers)
include(cmake/PkgConfigFile.cmake)

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/talus")

# Headers of the backends are for those who write backends: they include what isn't installed.
install(DIRECTORY runtime parallel kernels io
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/talus"
  FILES_MATCHING PATTERN "*.hpp"
  PATTERN "detail" EXCLUDE
  REGEX "/kernels/(block|cuda|kokkos|lanes|reference|x86)$" EXCLUDE
  REGEX "/runtime/api$" EXCLUDE)
# What cards are, which others speak of too.
install(FILES kernels/cuda/module.hpp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/talus/kernels/cuda")
# What the engine shows other programs: <talus/engine.hpp>, <talus/talus.h>.
install(DIRECTORY runtime/api/talus DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT talusTargets NAMESPACE talus:: DESTINATION "${config_dir}")

# Names in lower case with a hyphen are found in any spelling of the package's name.
configure_package_config_file(cmake/talus-config.cmake.in talus-config.cmake
  INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file(talus-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/talus-config.cmake" "${PROJECT_BINARY_DIR}/talus-config-version.cmake"
  DESTINATION "${config_dir}")

talus_write_pkg_config_file("${PROJECT_BINARY_DIR}/talus.pc" talus_runtime talus_api)
install(FILES "${PROJECT_BINARY_DIR}/talus.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# In an export set of its own, since programs in other languages needn't have Fortran's MPI.
if(TALUS_FORTRAN)
  install(EXPORT talusFortranTargets NAMESPACE talus:: DESTINATION "${config_dir}")
  configure_file(cmake/talus-fortran.pc.in talus-fortran.pc @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/talus-fortran.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endif()

# A model of two megabytes with problems for it, and what they come to: an installation is tried
# with them.
set(data_dir "${CMAKE_INSTALL_DATADIR}/talus")
install(DIRECTORY jobs/demo/dense DESTINATION "${data_dir}/demo")
install(FILES jobs/demo/problems.jsonl jobs/demo/answers.jsonl DESTINATION "${data_dir}/demo")
install(FILES LICENSE README.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
if(TALUS_INSTALL_EXAMPLES)
  install(DIRECTORY tests/install/downstream DESTINATION "${data_dir}/examples")
  install(DIRECTORY jobs/examples/ DESTINATION "${data_dir}/examples")
endif()
