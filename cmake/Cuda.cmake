# SPDX-License-Identifier: Apache-2.0
# TALUS_CUDA: the module with kernels for NVIDIA GPUs, which needs the CUDA toolkit to be built, and
# is looked for when a program runs.
set(TALUS_CUDA AUTO CACHE STRING "Build kernels for NVIDIA GPUs: ON, OFF, or AUTO: where nvcc is")
set_property(CACHE TALUS_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT TALUS_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "TALUS_CUDA: ${TALUS_CUDA} (AUTO, ON or OFF)")
endif()

set(talus_builds_cuda OFF)
if(TALUS_CUDA STREQUAL "OFF")
  return()
endif()
if(TALUS_SANITIZE OR TALUS_FUZZ OR CMAKE_CROSSCOMPILING)
  if(TALUS_CUDA STREQUAL "ON")
    message(FATAL_ERROR "TALUS_CUDA: ON (not with sanitizers, nor for another processor)")
  endif()
  return()
endif()

include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(TALUS_CUDA STREQUAL "ON")
    message(FATAL_ERROR "TALUS_CUDA: ON (there is no nvcc: set CUDACXX, or PATH)")
  endif()
  message(STATUS "No nvcc: kernels for NVIDIA GPUs are not built")
  return()
endif()

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80 90 100)
endif()
enable_language(CUDA)
# CMake before 3.25.2 doesn't know nvcc's flag.
if(CMAKE_VERSION VERSION_LESS 3.25.2 AND CMAKE_CUDA_COMPILER_ID STREQUAL "NVIDIA"
   AND NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
find_package(CUDAToolkit REQUIRED)
set(talus_builds_cuda ON)
