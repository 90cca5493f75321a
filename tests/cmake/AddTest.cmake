# SPDX-License-Identifier: Apache-2.0
include_guard()

set(TALUS_TEST_TIMEOUT 120 CACHE STRING "Seconds after which a test counts as hung")

# What a test's ranks need of the launcher: Open MPI refuses root, and more ranks than cores, unless
# told (the name changed with 5.0); a rank has one thread; a sanitizer must not report MPI's own
# leaks.
set(talus_test_environment
  "OMPI_MCA_rmaps_base_oversubscribe=1"
  "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe"
  "OMPI_ALLOW_RUN_AS_ROOT=1" "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"
  "OMPI_MCA_hwloc_base_binding_policy=none"
  "OMP_NUM_THREADS=1" "OMP_PROC_BIND=false"
  "ASAN_OPTIONS=detect_leaks=0")

# talus_add_test(<module>/<name> [LINK <target>...] [RANKS <n>...] [LABELS <label>...] [TIMEOUT <s>]
#                [SOURCE <module>/<name>])
#
# Builds tests/<module>/<name>_test.cpp, or that of another test (SOURCE) once more, and runs it once for each number of ranks, as the CTest
# tests <module>.<name>.np<n>; without RANKS once, as <module>.<name>, without a launcher.
#
# Several rank counts are the rule for code that communicates: 1 (the trivial group), 2, an odd
# number (nothing divides evenly), and 4.
function(talus_add_test path)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT;SOURCE" "LINK;RANKS;LABELS")
  string(REPLACE "/" "." name "${path}")
  string(REPLACE "/" "_" target "test_${path}")
  string(REGEX REPLACE "/.*" "" module "${path}")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT ${TALUS_TEST_TIMEOUT})
  endif()

  if(NOT arg_SOURCE)
    set(arg_SOURCE "${path}")
  endif()

  add_executable(${target} "${PROJECT_SOURCE_DIR}/tests/${arg_SOURCE}_test.cpp")
  target_link_libraries(${target} PRIVATE talus_test_support ${arg_LINK})
  talus_set_warnings(${target})
  # A test's own code is compiled far longer than it runs. (The libraries are optimised as ever.)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)

  if(NOT arg_RANKS)
    add_dependencies(talus_serial_tests ${target})
    add_test(NAME ${name} COMMAND ${target})
    set_tests_properties(${name} PROPERTIES
      TIMEOUT ${arg_TIMEOUT}
      LABELS "${module};serial;${arg_LABELS}"
      ENVIRONMENT "${talus_test_environment}")
    return()
  endif()

  foreach(ranks IN LISTS arg_RANKS)
    talus_add_rank_test(${name} ${target} ${ranks} TIMEOUT ${arg_TIMEOUT}
      LABELS ${module} ${arg_LABELS})
  endforeach()
endfunction()

# talus_add_rank_test(<name> <target> <ranks> TIMEOUT <s> LABELS <label>...): the program on so many ranks, as
# the CTest test <name>.np<ranks>.
function(talus_add_rank_test name target ranks)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "TIMEOUT" "LABELS")
  set(test ${name}.np${ranks})
  add_test(NAME ${test} COMMAND
    ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} ${MPIEXEC_PREFLAGS}
    $<TARGET_FILE:${target}> ${MPIEXEC_POSTFLAGS})
  set_tests_properties(${test} PROPERTIES
    PROCESSORS ${ranks}          # so that ctest -j does not run several large ones at once
    TIMEOUT ${arg_TIMEOUT}       # a deadlock is a failure, not a stuck CI job
    LABELS "${arg_LABELS};mpi"
    ENVIRONMENT "${talus_test_environment}")
endfunction()
