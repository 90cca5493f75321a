# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.24)

# cmake -D root=<source directory> -P check_streams.cmake
#
# Nothing uses CUDA's default stream: kernels are launched on a stream, each call of the runtime that
# takes one is given one, and calls that would use the default one are none of those that are
# allowed here. (What is in a library, only a card can show: tests/kernels/cuda/default_stream.hpp.)

# Calls with a stream: how many arguments they have then, and which is the stream.
set(stream_calls
  cudaEventRecord/2/2 cudaLaunchKernel/6/6 cudaMemcpyAsync/5/5 cudaMemsetAsync/4/4 cudaStreamWaitEvent/2,3/1
  cudaStreamSynchronize/1/1 cudaStreamQuery/1/1 cudaStreamDestroy/1/1
  cudaStreamBeginCapture/2/1 cudaStreamEndCapture/2/1 cudaStreamIsCapturing/2/1
  cudaGraphLaunch/2/2)
# Calls that queue nothing.
set(other_calls
  cudaDeviceGetAttribute cudaDeviceGetPCIBusId cudaEventCreate cudaEventCreateWithFlags cudaEventDestroy
  cudaEventElapsedTime cudaEventQuery cudaEventSynchronize cudaFree cudaFreeHost
  cudaFuncSetAttribute cudaGetDevice cudaGetDeviceCount cudaGetDeviceProperties cudaGetErrorName
  cudaGetErrorString cudaGetLastError cudaGraphDestroy cudaGraphExecDestroy cudaGraphInstantiate
  cudaHostGetDevicePointer cudaHostRegister cudaIpcCloseMemHandle
  cudaIpcGetMemHandle cudaIpcOpenMemHandle cudaMalloc cudaMallocHost cudaMemGetInfo cudaSetDevice
  cudaStreamCreateWithFlags)
# Files that use the default stream to show that it is refused.
set(exempt tests/kernels/cuda/default_stream_test.cpp)

set(no_stream "^(0|nullptr|NULL|{}|cudaStream_t{.*}|cudaStreamLegacy|cudaStreamPerThread)$")

# The arguments of a call: `text` begins behind its bracket. `end` closes it, and each comma outside
# of other brackets parts two. Sets count, and argument_1, argument_2, ...
function(split_arguments text end)
  set(depth 0)
  set(count 1)
  set(argument_1 "")
  string(LENGTH "${text}" length)
  string(LENGTH "${end}" end_length)
  foreach(i RANGE ${length})
    string(SUBSTRING "${text}" ${i} ${end_length} ahead)
    string(SUBSTRING "${text}" ${i} 1 letter)
    if(depth EQUAL 0 AND ahead STREQUAL end)
      break()
    elseif(letter MATCHES "[({]")
      math(EXPR depth "${depth} + 1")
    elseif(letter MATCHES "[)}]")
      math(EXPR depth "${depth} - 1")
    elseif(depth EQUAL 0 AND letter STREQUAL ",")
      math(EXPR count "${count} + 1")
      set(argument_${count} "")
      continue()
    endif()
    string(APPEND argument_${count} "${letter}")
  endforeach()
  foreach(i RANGE 1 ${count})
    string(REGEX REPLACE "[ \t\n]+" "" argument_${i} "${argument_${i}}")
    set(argument_${i} "${argument_${i}}" PARENT_SCOPE)
  endforeach()
  set(count ${count} PARENT_SCOPE)
endfunction()

# Adds to violations, unless the call `name` of the arguments that are set is allowed.
function(check_call file name)
  foreach(known IN LISTS stream_calls)
    string(REGEX MATCH "^(.*)/(.*)/(.*)$" known "${known}")
    if(name STREQUAL CMAKE_MATCH_1)
      set(place ${CMAKE_MATCH_3})
      string(REPLACE "," ";" counts "${CMAKE_MATCH_2}")
      if(NOT count IN_LIST counts OR argument_${place} MATCHES "${no_stream}")
        string(APPEND violations "  ${file} calls ${name} without a stream\n")
      endif()
    endif()
  endforeach()
  list(TRANSFORM stream_calls REPLACE "/.*" "" OUTPUT_VARIABLE names)
  if(NOT name IN_LIST names AND NOT name IN_LIST other_calls)
    string(APPEND violations "  ${file} calls ${name}, which isn't known to use no default stream\n")
  endif()
  set(violations "${violations}" PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE files RELATIVE "${root}"
  "${root}/kernels/*.cpp" "${root}/kernels/*.hpp" "${root}/kernels/*.cu" "${root}/kernels/*.cuh"
  "${root}/jobs/bench/gpu/*.cpp" "${root}/jobs/bench/gpu/*.hpp"
  "${root}/tests/kernels/cuda/*.cpp" "${root}/tests/kernels/cuda/*.hpp")
list(REMOVE_ITEM files ${exempt})

set(violations "")
set(num_calls 0)
foreach(file IN LISTS files)
  file(READ "${root}/${file}" text)
  if(NOT text MATCHES "cuda|<<<")
    continue()
  endif()
  # Comments go; so do what CMake's lists would take for ends of elements.
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")
  string(REGEX REPLACE "\"[^\"\n]*\"" "text" text "${text}")
  string(REPLACE ";" " " text "${text}")
  string(REPLACE "[" "(" text "${text}")
  string(REPLACE "]" ")" text "${text}")
  while(text MATCHES "<<<|(^|[^A-Za-z0-9_])(cuda[A-Z][A-Za-z0-9]*) *\\(")
    set(name "${CMAKE_MATCH_2}")
    string(FIND "${text}" "${CMAKE_MATCH_0}" begin)
    string(LENGTH "${CMAKE_MATCH_0}" length)
    math(EXPR begin "${begin} + ${length}")
    string(SUBSTRING "${text}" ${begin} -1 text)
    string(SUBSTRING "${text}" 0 600 rest)
    math(EXPR num_calls "${num_calls} + 1")
    if(name)
      split_arguments("${rest}" ")")
      check_call("${file}" "${name}")
    else()
      split_arguments("${rest}" ">>>")
      if(NOT count EQUAL 4 OR argument_4 MATCHES "${no_stream}")
        string(APPEND violations "  ${file} launches a kernel without a stream\n")
      endif()
    endif()
  endwhile()
endforeach()

if(violations)
  message(FATAL_ERROR "uses of CUDA's default stream:\n${violations}")
endif()
if(num_calls LESS 10)
  message(FATAL_ERROR "${num_calls} calls of CUDA were found (there are more)")
endif()
