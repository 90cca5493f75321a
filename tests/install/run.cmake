# SPDX-License-Identifier: Apache-2.0
include_guard()

# run(<command>...): it must succeed; what it prints is left in `printed`.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT code EQUAL 0)
    string(JOIN " " command ${ARGV})
    message(FATAL_ERROR "${command}\nended with ${code}:\n${out}\n${err}")
  endif()
  set(printed "${out}" PARENT_SCOPE)
endfunction()

# install_moved(<prefix>): the finished build's install tree, moved to <prefix> from where it was put.
function(install_moved prefix)
  cmake_path(GET prefix PARENT_PATH folder)
  file(REMOVE_RECURSE "${prefix}")
  file(MAKE_DIRECTORY "${folder}")
  run("${CMAKE_COMMAND}" --install "${build}" --prefix "${folder}/staged" --config "${config}")
  file(RENAME "${folder}/staged" "${prefix}")
endfunction()

# configure(<source> <build> <cache entry>...): a project that finds Talus in `prefix`.
function(configure project_source project_build)
  list(TRANSFORM ARGN PREPEND "-D;" OUTPUT_VARIABLE entries)
  # Of all languages the same MPI, which need not be the machine's first.
  if(mpi_c_compiler)
    list(APPEND entries -D "MPI_C_COMPILER=${mpi_c_compiler}")
  endif()
  if(mpi_fortran_compiler)
    list(APPEND entries -D "MPI_Fortran_COMPILER=${mpi_fortran_compiler}")
  endif()
  run("${CMAKE_COMMAND}" -S "${project_source}" -B "${project_build}" -G "${generator}" ${entries}
    -D "CMAKE_BUILD_TYPE=${config}" -D "CMAKE_PREFIX_PATH=${prefix}" -D "Kokkos_DIR=${Kokkos_DIR}"
    -D "CMAKE_CXX_COMPILER=${compiler}" -D "MPI_CXX_COMPILER=${mpi_compiler}")
endfunction()
