# SPDX-License-Identifier: Apache-2.0
# What Talus is built on, all of it carried by Debian and by Spack; README.md says why each.

find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(Kokkos 3.4 REQUIRED)

# Every rank writes a file of its own, so the serial library serves: it is the thread-safe one, and
# it does not tie the build to one MPI.
set(HDF5_PREFER_PARALLEL FALSE)
find_package(HDF5 REQUIRED COMPONENTS C)
if(HDF5_IS_PARALLEL)  # all there is, then: its headers include MPI's
  target_link_libraries(hdf5::hdf5 INTERFACE MPI::MPI_CXX)
endif()

find_package(nlohmann_json 3.10 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)

find_package(PkgConfig REQUIRED)
# A search among one, because that tells the module's name, which talus.pc has to have.
pkg_search_module(oniguruma REQUIRED IMPORTED_TARGET oniguruma)
pkg_search_module(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_search_module(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_search_module(hwloc REQUIRED IMPORTED_TARGET hwloc)

# Fibers, of which the tests make the threads of emulated GPUs; without it these tests are left out.
if(TALUS_BUILD_TESTS)
  find_package(Boost 1.71 QUIET COMPONENTS context)
endif()

if(TALUS_SANITIZE)
  add_compile_options(-fsanitize=${TALUS_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TALUS_SANITIZE})
endif()

# libFuzzer must see which ways an input takes through every library.
if(TALUS_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "TALUS_FUZZ: libFuzzer comes with clang (set CMAKE_CXX_COMPILER)")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
