# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.24)

# Installs a finished build into an empty prefix, then configures, builds and runs a project against
# it. Variables: see CMakeLists.txt beside this file.

# run(<command>...): it must succeed; what it prints is left in `printed`.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT code EQUAL 0)
    string(JOIN " " command ${ARGV})
    message(FATAL_ERROR "${command}\nended with ${code}:\n${out}\n${err}")
  endif()
  set(printed "${out}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${work}")
set(prefix "${work}/prefix")

run("${CMAKE_COMMAND}" --install "${build}" --prefix "${prefix}" --config "${config}")
run("${CMAKE_COMMAND}" -S "${downstream}" -B "${work}/build" -G "${generator}"
  -D "CMAKE_BUILD_TYPE=${config}" -D "CMAKE_PREFIX_PATH=${prefix}" -D "Kokkos_DIR=${Kokkos_DIR}"
  -D "CMAKE_CXX_COMPILER=${compiler}" -D "MPI_CXX_COMPILER=${mpi_compiler}")
run("${CMAKE_COMMAND}" --build "${work}/build" --config "${config}")

run("${work}/build/model_family" "${model}")
if(NOT printed STREQUAL "qwen3\n")
  message(FATAL_ERROR "model_family printed '${printed}' for ${model} (expected qwen3)")
endif()
run("${prefix}/bin/talus" --version)
if(NOT printed MATCHES "^talus [0-9]+\\.[0-9]+\\.[0-9]+\n$")
  message(FATAL_ERROR "the installed talus --version printed '${printed}'")
endif()
