# SPDX-License-Identifier: Apache-2.0
# Builds for aarch64 on another processor: with Debian's cross-compiler, for the libraries in the
# folder that the environment variable TALUS_AARCH64_ROOT names (tests/aarch64_root.sh makes one).
# qemu-aarch64 runs the tests, below the launcher where they have one.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

set(root "$ENV{TALUS_AARCH64_ROOT}")
if(NOT IS_DIRECTORY "${root}/usr/include")
  message(FATAL_ERROR "TALUS_AARCH64_ROOT: ${root} (the root of an aarch64 Debian)")
endif()
set(CMAKE_SYSROOT "${root}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${root}")
set(ENV{PKG_CONFIG_LIBDIR} "${root}/usr/lib/aarch64-linux-gnu/pkgconfig:${root}/usr/share/pkgconfig")

set(libraries "${root}/usr/lib/aarch64-linux-gnu")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64;-L;${root})

# Compiler wrappers of the target's can't be asked: they are programs for another processor.
set(MPI_CXX_SKIP_MPICXX ON)
set(MPI_CXX_LIB_NAMES mpi)
set(MPI_mpi_LIBRARY "${libraries}/openmpi/lib/libmpi.so" CACHE FILEPATH "")
set(MPI_CXX_HEADER_DIR "${libraries}/openmpi/include" CACHE PATH "")
set(HDF5_C_COMPILER_EXECUTABLE HDF5_C_COMPILER_EXECUTABLE-NOTFOUND)
set(HDF5_ROOT "${libraries}/hdf5/serial" CACHE PATH "")
set(HDF5_C_INCLUDE_DIR "/usr/include/hdf5/serial" CACHE PATH "")

# The launcher is this machine's own: it starts the emulator.
set(MPIEXEC_EXECUTABLE /usr/bin/mpiexec CACHE FILEPATH "")
set(MPIEXEC_PREFLAGS ${CMAKE_CROSSCOMPILING_EMULATOR} CACHE STRING "")
