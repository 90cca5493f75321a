# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.24)
include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")

# Builds one of the examples against the install tree in `prefix` and nothing else, and runs it there
# on each number of ranks. Variables: see CMakeLists.txt beside this file, and `example`, its folder;
# `program`, its `arguments`, of which @MODEL@ is the model's folder, and `all_ranks`, both with commas
# between; `pc_module`, if set: pkg-config's, for a build of `pc_sources` by `pc_compiler`; `beside`, if
# set: arguments for a run beside talus engine.
string(REPLACE "," ";" arguments "${arguments}")
string(REPLACE "," ";" all_ranks "${all_ranks}")
set(example_build "${work}/${example}")
file(REMOVE_RECURSE "${example_build}")
file(COPY "${source}/jobs/examples/${example}" DESTINATION "${example_build}")
configure("${example_build}/${example}" "${example_build}/build")
run("${CMAKE_COMMAND}" --build "${example_build}/build" --config "${config}")

set(model "${prefix}/share/talus/demo/dense")
string(REPLACE "@MODEL@" "${model}" arguments "${arguments}")
foreach(ranks IN LISTS all_ranks)
  run(${launch} ${ranks} "${example_build}/build/${program}" ${arguments})
  if(NOT printed MATCHES "[1-9][0-9]* of [1-9][0-9]* ")
    message(FATAL_ERROR "${program} on ${ranks} ranks printed '${printed}'")
  endif()
  message("${ranks} ranks: ${printed}")
endforeach()

# By pkg-config and a compiler that is told nothing else, on two ranks.
if(pc_module)
  string(REPLACE "," ";" pc_sources "${pc_sources}")
  string(REPLACE "@PREFIX@" "${prefix}" pc_sources "${pc_sources}")
  file(GLOB_RECURSE pc_file "${prefix}/talus.pc")
  cmake_path(GET pc_file PARENT_PATH pc_folder)
  set(ENV{PKG_CONFIG_PATH} "${pc_folder}:$ENV{PKG_CONFIG_PATH}")
  run("${pkg_config}" --cflags --libs ${pc_module})
  separate_arguments(flags UNIX_COMMAND "${printed}")
  run("${CMAKE_COMMAND}" -E chdir "${example_build}/${example}"
    "${pc_compiler}" -O1 ${pc_sources} -o "${example_build}/by_pkg_config" ${flags})
  run(${launch} 2 "${example_build}/by_pkg_config" ${arguments})
  if(NOT printed MATCHES "[1-9][0-9]* of [1-9][0-9]* ")
    message(FATAL_ERROR "${program} by pkg-config printed '${printed}'")
  endif()
endif()

# Beside an engine of its own launch.
if(beside)
  list(POP_FRONT launch launcher)
  foreach(ranks IN ITEMS 1 4)
    run(${launcher} ${launch} ${ranks} "${example_build}/build/${program}" ${beside} : ${launch} 2
      "${prefix}/bin/talus" engine --model "${model}" --threads 1 --kv-cache-memory 32M)
    if(NOT printed MATCHES "[1-9][0-9]* of [1-9][0-9]* .* of ${ranks} members")
      message(FATAL_ERROR "${program} beside talus engine printed '${printed}'")
    endif()
    message("${ranks} ranks beside talus engine: ${printed}")
  endforeach()
endif()
