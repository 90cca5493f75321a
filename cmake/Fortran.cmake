# SPDX-License-Identifier: Apache-2.0
include_guard()
include(CheckLanguage)

# talus_find_fortran(<variable>)
#
# Whether there are a Fortran compiler and the module mpi_f08 of the MPI that C++ uses; enables the
# language, and finds MPI::MPI_Fortran, where they are.
macro(talus_find_fortran variable)
  set(${variable} OFF)
  # The wrapper beside C++'s own: another MPI's modules would be found as gladly.
  if(NOT MPI_Fortran_COMPILER AND MPI_CXX_COMPILER MATCHES "^(.*/mpi)(cxx|c\\+\\+|CC|icpc|icpx|g\\+\\+)([^/]*)$")
    set(wrapper "${CMAKE_MATCH_1}fort${CMAKE_MATCH_3}")
    if(EXISTS "${wrapper}")
      set(MPI_Fortran_COMPILER "${wrapper}" CACHE FILEPATH "MPI's compiler for Fortran")
    endif()
  endif()
  check_language(Fortran)
  if(CMAKE_Fortran_COMPILER AND (MPI_Fortran_COMPILER OR NOT MPI_CXX_COMPILER))
    enable_language(Fortran)
    find_package(MPI QUIET COMPONENTS Fortran)
    if(MPI_Fortran_FOUND AND MPI_Fortran_HAVE_F08_MODULE)
      set(${variable} ON)
    endif()
  endif()
endmacro()

# A compiler for another machine isn't what is found by itself; libFuzzer's flags are clang's.
set(has_fortran OFF)
if(TALUS_FORTRAN OR NOT DEFINED TALUS_FORTRAN AND NOT CMAKE_CROSSCOMPILING AND NOT TALUS_FUZZ)
  talus_find_fortran(has_fortran)
endif()
option(TALUS_FORTRAN "Build the Fortran module; ON where a compiler and mpi_f08 are found" ${has_fortran})
if(TALUS_FORTRAN AND NOT has_fortran)
  message(FATAL_ERROR "TALUS_FORTRAN: ON, but there is no Fortran compiler, or no module mpi_f08 of "
                      "the MPI that C++ uses (MPI_Fortran_COMPILER names its wrapper)")
endif()
