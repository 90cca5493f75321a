# SPDX-License-Identifier: Apache-2.0
include(CMakePackageConfigHelpers)

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/talus")

install(DIRECTORY runtime parallel kernels io
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/talus"
  FILES_MATCHING PATTERN "*.hpp"
  PATTERN "detail" EXCLUDE)
install(EXPORT talusTargets NAMESPACE talus:: DESTINATION "${config_dir}")

configure_package_config_file(cmake/talusConfig.cmake.in talusConfig.cmake
  INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file(talusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/talusConfig.cmake" "${PROJECT_BINARY_DIR}/talusConfigVersion.cmake"
  DESTINATION "${config_dir}")
