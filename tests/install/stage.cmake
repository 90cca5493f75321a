# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.24)
include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")

# The install tree that the examples are built against. Variables: see CMakeLists.txt beside this file.
install_moved("${prefix}")
