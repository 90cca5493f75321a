# SPDX-License-Identifier: Apache-2.0
include_guard()

# talus_add_library(<module> [SOURCES <file>...])
#
# A library talus_<module>, also talus::<module>, with this project's language level, warnings,
# include root and install rules. Dependencies are the caller's to state, with target_link_libraries.
function(talus_add_library module)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "talus_add_library(${module}): SOURCES <file>... and nothing else")
  endif()

  set(target talus_${module})
  add_library(${target} ${arg_SOURCES})
  add_library(talus::${module} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${module} POSITION_INDEPENDENT_CODE ON)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/talus>")
  talus_set_warnings(${target})
  # Compilers differ in where they fuse a multiplication and an addition, and answers would.
  target_compile_options(${target} PRIVATE -ffp-contract=off)
  install(TARGETS ${target} EXPORT talusTargets)
endfunction()

# Warnings and sanitizers, for our own targets only: never PUBLIC, or every user of the library
# would get them.
function(talus_set_warnings target)
  set(cxx -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor)
  if(TALUS_WERROR)
    list(APPEND cxx -Werror)
  endif()
  # Messages name the place in the source as the repository does, wherever that was built.
  list(APPEND cxx "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${cxx}>")
endfunction()
