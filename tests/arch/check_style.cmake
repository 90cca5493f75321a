# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.24)

# cmake -D root=<source directory> -P check_style.cmake
#
# What clang-format doesn't see: the licence line, header guards, names poured into every file that
# includes a header, and files too long to be read at once.
set(max_lines 500)

file(GLOB_RECURSE files RELATIVE "${root}"
  "${root}/runtime/*" "${root}/parallel/*" "${root}/kernels/*" "${root}/io/*" "${root}/jobs/*"
  "${root}/tests/*" "${root}/cmake/*" "${root}/spack/*" "${root}/.ci/*" "${root}/CMakeLists.txt")
list(FILTER files EXCLUDE REGEX "^build/")  # .ci/... is looked for in all folders
list(FILTER files INCLUDE REGEX "(\\.(hpp|cpp|cuh|cu|f90|cmake|py|sh)|CMakeLists\\.txt|\\.ci/[^/]+)$")

set(violations "")
foreach(file IN LISTS files)
  # A line at a time, and no list: C++ is full of semicolons and brackets.
  file(READ "${root}/${file}" text)
  string(REGEX REPLACE "^#![^\n]*\n" "" after_shebang "${text}")
  if(NOT after_shebang MATCHES "^(//|#|!) SPDX-License-Identifier: Apache-2\\.0\n")
    string(APPEND violations "  ${file} doesn't begin with the line of the licence\n")
  endif()

  if(file MATCHES "\\.(hpp|cuh)$")
    if(NOT text MATCHES "\n#pragma once\n")
      string(APPEND violations "  ${file} has no #pragma once\n")
    endif()
    if(text MATCHES "\n *using namespace ")
      string(APPEND violations "  ${file} has a using namespace, which a header must not\n")
    endif()
  endif()

  if(file MATCHES "\\.(hpp|cpp|cuh|cu|f90)$")
    string(REGEX REPLACE "[^\n]+" "" ends "${text}")
    string(LENGTH "${ends}" num_lines)
    if(num_lines GREATER max_lines)
      string(APPEND violations "  ${file} has ${num_lines} lines (at most ${max_lines})\n")
    endif()
  endif()
endforeach()

if(violations)
  message(FATAL_ERROR "files that don't keep to the style:\n${violations}")
endif()
